"""The words of worksheets and explanations, in English and Chinese."""

WORDS: dict[str, tuple[str, str]] = {
    "worksheet": ("One training step, by hand", "手算一步训练"),
    "given": ("Given", "已知"),
    "forward": ("Forward: layer {}, {}", "前向传播：第 {} 层 {}"),
    "loss": ("Loss: {}", "损失：{}"),
    "backward": ("Backward: layer {}, {}", "反向传播：第 {} 层 {}"),
    "gradients": ("Gradients: layer {}, {}", "梯度：第 {} 层 {}"),
    "step": ("Update: layer {}, {}, by {}", "参数更新：第 {} 层 {}，优化器 {}"),
    "legend": (
        "W1_ij weighs input i for unit j of layer 1; dv is dJ/dv, delta is dJ/dz, w' the new w.",
        "W1_ij 是第 1 层中输入 i 到单元 j 的权重；dv 即 dJ/dv，delta 即 dJ/dz，w' 是新的 w。",
    ),
    "legend_math": (
        "{W} weighs input i for unit j of layer 1; {d} is {dz}, {w} is w after the step.",
        "{W} 是第 1 层中输入 i 到单元 j 的权重；{d} 即 {dz}，{w} 是更新后的值。",
    ),
    "holds": ("✓ the total is the number of the run", "✓ 与实际运行的数值一致"),
    "differs": ("✗ the total is not the number of the run", "✗ 与实际运行的数值不一致"),
    "checked": (
        "✓ all {} lines give the numbers of the run",
        "✓ 全部 {} 行都与实际运行的数值一致",
    ),
    "unchecked": (
        "✗ {} of {} lines do not give the numbers of the run",
        "✗ {1} 行中有 {0} 行与实际运行的数值不一致",
    ),
    "symbol": ("symbol", "符号"),
    "formula": ("formula", "公式"),
    "numbers": ("with numbers", "代入数值"),
    "value": ("value", "结果"),
    "rest": ("the other {} terms", "其余 {} 项之和"),
    "total": ("total", "合计"),
    "output": ("activation", "激活值"),
    "pre_activation": ("pre-activation z", "加权输入 z"),
    "delta": ("delta", "误差项 delta"),
    "gradient": ("gradient dJ/dW", "梯度 dJ/dW"),
    "update": ("update", "更新量"),
    "formula_output": (
        "a = sum of (weight or derivative) · (input)",
        "a = Σ（权重或导数）·（输入）",
    ),
    "formula_pre_activation": ("z = sum of weight · input, and bias", "z = Σ 权重 · 输入 + 偏置"),
    "formula_delta": (
        "delta = f'(z) · sum over the units that read it of weight · delta",
        "delta = f'(z) · Σ（后一层权重 · 后一层 delta）",
    ),
    "formula_gradient": (
        "dJ/dW = sum over samples and units of input · delta",
        "dJ/dW = Σ（输入 · delta），对样本和单元求和",
    ),
}
"""For each key the words in English and in Chinese."""

LANGUAGES = ("en", "zh")


def say(key: str, language: str) -> str:
    """Return the words for a key in a language."""
    return WORDS[key][LANGUAGES.index(language)]
