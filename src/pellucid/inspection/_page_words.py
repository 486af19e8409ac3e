"""The fixed words of the report page and of explained predictions, in English and Chinese."""

import re

from pellucid.inspection._words import LANGUAGES

PAGE: dict[str, tuple[str, str]] = {
    "task": ("Task", "任务"),
    "about": ("The recipe", "任务说明"),
    "results": ("Results", "结果"),
    "data": ("Data", "数据"),
    "network": ("Network", "网络"),
    "learning": ("Learning", "训练过程"),
    "mistakes": ("Mistakes", "错误样本"),
    "answers": ("Answers", "模型的回答"),
    "layers": ("Layer by layer", "逐层数据"),
    "inside": ("Inside the network", "网络内部"),
    "grounds": ("What predictions rest on", "预测的依据"),
    "diagnosis": ("Diagnosis", "诊断"),
    "figures": ("Further figures", "其他图表"),
    "settings": ("Settings and environment", "设置与环境"),
    "contents": ("Contents", "目录"),
    "made_by": ("Made by Pellucid {} on {}.", "由 Pellucid {} 生成，{}。"),
    "run": ("Run", "运行"),
    "recipe": ("Recipe", "配方"),
    "trained_in": ("trained in {} s", "训练用时 {} 秒"),
    "epochs": ("{} epochs", "{} 轮"),
    "parameters_count": ("{} parameters", "{} 个参数"),
    "command": ("Command", "命令"),
    "time": ("Time", "时间"),
    "measured": ("Measured", "实测"),
    "expected": ("Expected", "预期"),
    "expected_by": ("What the recipe expects", "配方给出的预期"),
    "not_measured": (
        (
            "This run stopped before its end, so nothing was measured; the model is the one of its "
            "last whole epoch."
        ),
        "本次运行提前终止，没有测量结果；模型取自最后一个完整的轮次。",
    ),
    "train": ("training", "训练"),
    "validation": ("validation", "验证"),
    "test": ("test", "测试"),
    "part": ("part", "数据部分"),
    "examples": ("examples", "样本数"),
    "shape": ("shape", "形状"),
    "type": ("type", "类型"),
    "range": ("range", "取值范围"),
    "class": ("class", "类别"),
    "balance": ("How often each class occurs", "各类别的样本数"),
    "samples": ("Samples of the test part", "测试部分的样本"),
    "text_samples": ("The first lines of the test part", "测试部分开头的文本"),
    "drawing_note": (
        (
            "Each box is a layer: name and number of parameters, below them kind and output shape"
            " of one sample. Arrows lead from input to output; a dashed border marks a layer used"
            " again."
        ),
        (
            "每个方框是一层：上行为名称和参数个数，下行为类型和单个样本的输出形状。"
            "箭头从输入指向输出；虚线框表示重复使用的层。"
        ),
    ),
    "summary": ("All layers as a table", "全部层的列表"),
    "layer": ("layer", "层"),
    "kind": ("kind", "类型"),
    "output": ("output", "输出"),
    "parameters": ("parameters", "参数"),
    "flops": ("FLOPs", "浮点运算"),
    "curve": ("Measures over the epochs", "各项指标随轮次的变化"),
    "confusion": ("How often each class was taken for each", "各类别被判为各类别的次数"),
    "confusion_examples": (
        "One picture of each kind, the most confident one; the number is how many there are",
        "每种情形中最有把握的一例；数字为该情形的数量",
    ),
    "worst": (
        "{} of {} test examples are wrong. The most confident mistakes, the worst first:",
        "{1} 个测试样本中有 {0} 个判错。按把握从大到小排列：",
    ),
    "doubtful": (
        "Right, but with the least confidence:",
        "判对但把握最小的样本：",
    ),
    "none_wrong": ("All {} test examples are right.", "{} 个测试样本全部判对。"),
    "said": ("{}, not {}", "{}，应为 {}"),
    "sure": ("{} %", "{} %"),
    "given": ("given", "给出"),
    "written": ("written", "写出"),
    "truth": ("truth", "正确答案"),
    "source": ("example", "样本"),
    "answer": ("answer", "回答"),
    "weights": ("size of the weights", "权重范数"),
    "moved": ("moved since the start", "相对初值的移动"),
    "gradient": ("gradient", "梯度范数"),
    "ratio": ("update / weights", "更新量 / 权重"),
    "delta": ("delta (rms)", "误差项（均方根）"),
    "layers_note": (
        (
            "Sizes are Euclidean norms over all parameters of a layer; moved is the distance from"
            " the weights at the start, as a share of their size. Gradient and delta are those of"
            " one more step, on {} training examples."
        ),
        (
            "范数为一层全部参数的欧几里得范数；移动为与初始权重的距离占其范数的比例。"
            "梯度和误差项来自在 {} 个训练样本上再走一步。"
        ),
    ),
    "layers_note_short": (
        (
            "Sizes are Euclidean norms over all parameters of a layer; moved is the distance from"
            " the weights at the start, as a share of their size."
        ),
        "范数为一层全部参数的欧几里得范数；移动为与初始权重的距离占其范数的比例。",
    ),
    "flow": ("Gradient flow: how large the deltas are", "梯度流：各层误差项的大小"),
    "ratios": (
        "Update ratios: by what share of its weights one step moves a layer",
        "更新比例：一步使该层移动其权重的多少",
    ),
    "feature_maps": ("What the layer {} makes of {}", "{1}经过层 {0} 的特征图"),
    "weight_maps": ("The weights of the layer {} as pictures", "层 {} 的权重图"),
    "exciting": (
        "What excites channels of the layer {} most: a made picture, then parts of test pictures",
        "最能激发层 {} 各通道的图像：先是合成图像，然后是测试图像的局部",
    ),
    "embedding": (
        "What the layer {} makes of {} test examples, in the plane",
        "{1} 个测试样本在层 {0} 的输出，投影到平面",
    ),
    "attention": ("Where the heads of {} look in {}", "{} 的各个头在{}中关注的位置"),
    "grounds_note": (
        "Red speaks for the class, blue against it (integrated gradients from an empty input).",
        "红色支持该类别，蓝色反对（从空输入出发的积分梯度）。",
    ),
    "grounds_words": (
        "Red parts speak for the answer, blue ones against it.",
        "红色部分支持该回答，蓝色部分反对。",
    ),
    "report_more": (
        (
            "`{}` adds what takes longer: gradients, feature maps, what excites units, a map of "
            "the test examples, and what predictions rest on."
        ),
        "运行 `{}` 可补充耗时较长的内容：梯度、特征图、激发单元的图像、样本分布图和预测的依据。",
    ),
    "setting": ("setting", "设置项"),
    "value": ("value", "值"),
    "default": ("default", "默认值"),
    "help": ("meaning", "含义"),
    "versions": ("Versions", "版本"),
    "machine": ("Machine", "机器"),
    "hashes": ("Checksums of the data (SHA-256)", "数据的校验和（SHA-256）"),
    "docstring": ("The recipe in its own words", "配方的原文说明"),
    "evidence": ("evidence", "证据"),
    "limit": ("limit", "界限"),
    "rows": ("Rows of the {} part, counted from 0: {}.", "{}部分的行号（从 0 数起）：{}。"),
    "draw input": ("input", "输入"),
    "draw output": ("output", "输出"),
    "draw again": ("again", "重复使用"),
    "draw any": ("any", "任意"),
    "draw model": ("model", "模型"),
    "healthy": ("No fault was found.", "没有发现问题。"),
    # Explained predictions
    "rests_label": ("The network says {} ({} %).", "网络判断为 {}（{} %）。"),
    "rests_truth_right": ("That is right.", "判断正确。"),
    "rests_truth_wrong": ("The right answer is {}.", "正确答案是 {}。"),
    "rests_asked": ("Explained is how much speaks for {}.", "以下解释什么支持 {}。"),
    "rests_half": (
        "Half of what speaks for {} lies in {} of {} {}.",
        "支持 {0} 的依据有一半集中在 {2} 个{3}中的 {1} 个。",
    ),
    "pixels": ("pixels", "像素"),
    "words": ("words", "词"),
    "numbers": ("numbers", "数值"),
    "rests_where": ("Most of it: {}.", "主要位于：{}。"),
    "rests_against": (
        "{} % of all evidence speaks against it, most of it: {}.",
        "全部依据中有 {} % 反对，主要位于：{}。",
    ),
    "rests_without": (
        "Without the {} strongest {} the probability of {} falls from {} % to {} %.",
        "去掉最强的 {} 个{}后，{} 的概率由 {} % 变为 {} %。",
    ),
    "rests_identity": (
        "Check ({}): {}; missed by {} %.",
        "检验（{}）：{}；误差 {} %。",
    ),
    "drawn_in": ("Drawn in {}.", "图像已保存到 {}。"),
    "for": ("for", "支持"),
    "against": ("against", "反对"),
    "share": ("share", "份额"),
    "place 0 0": ("upper left", "左上"),
    "place 0 1": ("upper middle", "上方中间"),
    "place 0 2": ("upper right", "右上"),
    "place 1 0": ("left", "左侧"),
    "place 1 1": ("middle", "中间"),
    "place 1 2": ("right", "右侧"),
    "place 2 0": ("lower left", "左下"),
    "place 2 1": ("lower middle", "下方中间"),
    "place 2 2": ("lower right", "右下"),
}
"""For each key the words in English and in Chinese."""

MEASURES = {
    "loss": "损失",
    "accuracy": "准确率",
    "return": "回报",
    "learning rate": "学习率",
    "nats": "奈特",
    "length": "长度",
    "read as asked": "按要求读出",
    "confidence": "把握",
    "classes": "类别数",
    "quantization error": "量化误差",
    "topographic error": "拓扑误差",
    "whole numbers": "整数全对",
    "zeros in the code": "编码中的零",
}
"""Chinese names of the measures that recipes have."""

FIGURES = {
    "epoch": "轮次",
    "training": "训练",
    "validation": "验证",
    "predicted class": "预测类别",
    "true class": "真实类别",
    "delta, root mean square": "误差项，均方根",
    "update / weights": "更新量 / 权重",
    "red for, blue against": "红色支持，蓝色反对",
    "channel": "通道",
    "step": "时间步",
    "made": "合成",
    "found": "找到",
    "read": "读取",
    "written": "写出",
    "integrated gradients": "积分梯度",
    **MEASURES,
}
"""The words that figures have in them."""

_PATTERNS = (
    (r"([\d.]+) of ([\d.]+) right, ([\d.]+%)", r"\2 个中 \1 个正确，\3"),
    (r"PCA, ([\d.]+%) of the variance", r"主成分，占方差的 \1"),
    (r"test sample (\d+)", r"测试样本 \1"),
    (r"head (\d+)", r"头 \1"),
    (r"(.+), score (\S+)", r"\1，得分 \2"),
    (r"(\d+): all (\S+)", r"\1：恒为 \2"),
)


def tell(key: str, language: str, *values: object) -> str:
    """Return the words for a key in a language, with values in their places."""
    words = PAGE[key][LANGUAGES.index(language)]
    return words.format(*values) if values else words


def measure_name(name: str, language: str) -> str:
    """Return the name of a measure in words."""
    words = name.replace("_", " ")
    return MEASURES.get(words, words) if language == "zh" else words


def figure_words(text: str, language: str) -> str:
    """Return a text of a figure, or the source of an example; what is not known stays as it is."""
    if language == "en":
        return text
    if text in FIGURES:
        return FIGURES[text]
    for pattern, meant in _PATTERNS:
        if re.fullmatch(pattern, text):
            return re.sub(pattern, meant, text)
    return text
