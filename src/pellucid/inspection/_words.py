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
    "robustness": ("Robustness, on {} examples", "鲁棒性（{} 个样本）"),
    "stress_clean": ("as they are", "原始数据"),
    "stress_noise": ("noise of this deviation", "该标准差的噪声"),
    "stress_blur": ("blur of this deviation in pixels", "该标准差（像素）的模糊"),
    "stress_missing": ("this share of the features set to 0", "该比例的特征置零"),
    "stress_fgsm": ("one step against the loss (FGSM)", "沿损失梯度符号的一步攻击（FGSM）"),
    "stress_pgd": ("ten steps against the loss (PGD)", "沿损失梯度符号的十步攻击（PGD）"),
    "calibration": ("Calibration, on {} examples", "校准（{} 个样本）"),
    "confidence": ("confidence", "置信度"),
    "accuracy": ("accuracy", "准确率"),
    "examples": ("examples", "样本数"),
    "expected_error": ("expected calibration error", "期望校准误差 ECE"),
    "with_temperature": ("divided by the temperature {:.4g}", "除以温度 {:.4g} 之后"),
    "log_loss": ("mean -log p of the true class", "真实类别的平均 -log p"),
    "overconfident": (
        "The network is surer than it is right; divide its logits by the temperature.",
        "网络过度自信；请将 logits 除以该温度。",
    ),
    "underconfident": (
        "The network is less sure than it could be; divide its logits by the temperature.",
        "网络信心不足；请将 logits 除以该温度。",
    ),
    "calibrated": ("Confidence and accuracy agree.", "置信度与准确率一致。"),
}
"""For each key the words in English and in Chinese."""

LANGUAGES = ("en", "zh")


def say(key: str, language: str) -> str:
    """Return the words for a key in a language."""
    return WORDS[key][LANGUAGES.index(language)]
