"""How the report page looks: one style sheet, for screens of any width and for paper."""

STYLE = """
:root{--ink:#22272d;--soft:#5c6670;--line:#e3e6ea;--paper:#fff;--wash:#f6f7f9;--blue:#1f5fa8;
--orange:#d1621b}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--wash);color:var(--ink);line-height:1.55;
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"PingFang SC","Microsoft YaHei",
"Noto Sans CJK SC",sans-serif}
header,main,footer{max-width:1080px;margin:0 auto;padding:0 20px}
header{padding-top:36px}
h1{font-size:1.75rem;line-height:1.25;margin:0 0 .3em}
h2{font-size:1.2rem;margin:0 0 .7em}
h3{font-size:1rem;margin:1.6em 0 .5em;font-weight:600}
p{margin:.4em 0 .8em;max-width:46em}
.soft{color:var(--soft);font-size:.9rem}
.facts{color:var(--soft);margin:0 0 1em;display:flex;flex-wrap:wrap;gap:.2em 1.4em;font-size:.92rem}
nav{display:flex;flex-wrap:wrap;gap:.2em 1.1em;margin:1em 0 1.4em;font-size:.92rem}
nav a{color:var(--blue);text-decoration:none}nav a:hover{text-decoration:underline}
section{background:var(--paper);border:1px solid var(--line);border-radius:10px;
padding:22px 24px;margin:0 0 18px}
.cards{display:flex;flex-wrap:wrap;gap:12px;margin:0 0 14px}
.card{border:1px solid var(--line);border-radius:8px;padding:10px 16px;min-width:8.5em}
.card b{display:block;font-size:1.6rem;font-weight:650;line-height:1.2;
font-variant-numeric:tabular-nums}
.card span{color:var(--soft);font-size:.85rem}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr));gap:6px 28px}
.wide{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th{font-weight:600;text-align:left;color:var(--soft)}
th,td{padding:4px 14px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
.n{text-align:right}
td.path{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.85em}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.85em}
code{background:var(--wash);padding:.1em .35em;border-radius:4px}
pre{background:var(--wash);padding:12px 14px;border-radius:8px;overflow-x:auto;
white-space:pre-wrap;overflow-wrap:anywhere}
figure{margin:0 0 1em}
figure>img{max-width:100%;height:auto;display:block}
figcaption{font-size:.9rem;color:var(--soft);margin:0 0 .5em;max-width:46em}
.tiles{display:flex;flex-wrap:wrap;gap:10px;margin:.4em 0 1em}
.tiles div{width:84px;font-size:.78rem;line-height:1.3;text-align:center}
.tiles img{width:84px;height:84px;object-fit:contain;image-rendering:pixelated;display:block;
border-radius:4px;background:#000}
.tiles small{color:var(--soft);display:block;font-size:.95em}
.wrong{color:var(--orange)}
.bar{display:inline-block;height:.62em;background:var(--blue);border-radius:2px;opacity:.75;
vertical-align:baseline}
.drawing{overflow:auto;max-height:86vh;border:1px solid var(--line);border-radius:8px;
background:#fff;padding:4px}
.drawing svg{display:block;margin:0 auto}
details{margin:.8em 0}summary{cursor:pointer;color:var(--blue)}
.reading{line-height:2;max-width:46em}.reading span{padding:.1em .18em;border-radius:3px}
blockquote{margin:.3em 0 1em;padding:.2em 0 .2em 14px;border-left:3px solid var(--line);
white-space:pre-wrap;overflow-wrap:anywhere;max-width:46em}
footer{color:var(--soft);font-size:.85rem;padding-bottom:40px}
@media (max-width:560px){header,main,footer{padding:0 10px}header{padding-top:20px}
section{padding:16px 14px;border-radius:8px}h1{font-size:1.4rem}.card{flex:1}
.tiles div,.tiles img{width:66px}.tiles img{height:66px}}
@media print{body{background:#fff}section{border:0;padding:0;break-inside:auto}
nav{display:none}.drawing{max-height:none;overflow:visible;border:0}
.drawing svg{max-width:100%;height:auto;max-height:24cm}h2,h3,figcaption{break-after:avoid}
figure,tr,.tiles div{break-inside:avoid}header,main,footer{max-width:none}}
"""
