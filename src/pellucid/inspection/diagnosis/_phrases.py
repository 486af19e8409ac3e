"""The words for what was measured and how a diagnosis is put together, in both languages."""

from pellucid.inspection.diagnosis._words import Pair

KINDS: dict[str, Pair] = {
    "already_probabilities": (
        "it gives probabilities, the loss expects raw scores",
        "输出是概率，而损失需要原始分数",
    ),
    "not_probabilities": (
        "it gives raw scores, the loss expects probabilities",
        "输出是原始分数，而损失需要概率",
    ),
    "cut_scores": (
        "a ReLU cuts the scores off at 0",
        "ReLU 将分数截断在 0",
    ),
    "out_of_reach": ("targets lie where it cannot go", "目标超出输出的范围"),
    "binary_on_one_hot": (
        "the accuracy counts every 0 and 1 of a one-hot row",
        "准确率统计了独热编码中的每个 0 和 1",
    ),
    "majority": (
        "the accuracy is that of always naming the largest class",
        "准确率等同于总是预测最大类别",
    ),
    "exact": ("exact copies", "完全相同"),
    "near": ("near copies", "几乎相同"),
    "range": ("values leave the range of the data", "数值超出数据范围"),
    "content": ("the labels no longer fit", "标签不再对应"),
    "time": ("over time", "沿时间步"),
    "depth": ("over depth", "沿深度"),
}

NEEDS: dict[str, Pair] = {
    "validation": ("validation_data", "validation_data"),
    "held_out": ("validation_data or test_data", "validation_data 或 test_data"),
    "history": ("history", "history"),
    "labels": ("class labels", "类别标签"),
    "training": ("a fit", "训练（fit）"),
    "optimizer": ("an optimizer whose rate can be set", "可设置学习率的优化器"),
    "one_output": ("a model of one output", "单输出模型"),
    "time": ("time: only the cheap checks run during fit", "时间：训练中只做开销小的检查"),
}

SENTENCES: dict[str, Pair] = {
    "none": (
        "Diagnosis of {0!r}: no fault found, {2} looked for.",
        "对 {0!r} 的诊断：检查了 {2} 种问题，均未发现。",
    ),
    "one": (
        "Diagnosis of {0!r}: 1 fault found, {2} looked for.",
        "对 {0!r} 的诊断：检查了 {2} 种问题，发现 1 处。",
    ),
    "some": (
        "Diagnosis of {0!r}: {1} faults found, {2} looked for.",
        "对 {0!r} 的诊断：检查了 {2} 种问题，发现 {1} 处。",
    ),
    "bound": ("healthy: {0} {1:.4g}", "正常：{0} {1:.4g}"),
    "more": (" and {0} more", " 等，另有 {0} 个"),
    "rows_train": ("training examples {0}", "训练样本 {0}"),
    "rows_validation": ("validation examples {0}", "验证样本 {0}"),
    "rows_test": ("test examples {0}", "测试样本 {0}"),
    "try": ("{0}", "{0}"),
    "follows": ("Follows from it: {0}", "由此导致：{0}"),
    "absent": ("Not looked for without {0}: {1}", "缺少 {0}，未检查：{1}"),
    "live": ("Epoch {0}: {1}", "第 {0} 轮：{1}"),
}

QUANTITIES: dict[str, Pair] = {
    "not_finite": ("share of weights that are no finite number", "非有限值权重的比例"),
    "row_sum": (
        "largest distance of an output row's sum from 1",
        "输出各行之和与 1 的最大偏差",
    ),
    "outside": ("share of outputs outside [0, 1]", "超出 [0, 1] 的输出比例"),
    "sum_error": ("mean distance of an output row's sum from 1", "输出各行之和与 1 的平均偏差"),
    "cut_outputs": ("share of scores that are exactly 0", "恰为 0 的分数比例"),
    "lowest_output": ("lowest score", "最低分数"),
    "out_of_reach": ("share of targets outside the output's range", "超出输出范围的目标比例"),
    "metric_gap": (
        "reported accuracy less the share of right rows",
        "报告的准确率与正确行比例之差",
    ),
    "over_majority": (
        "accuracy less the share of the largest class",
        "准确率与最大类别占比之差",
    ),
    "balanced": ("mean recall of the classes, 0 at chance", "各类平均召回率（随机为 0）"),
    "input_rms": ("root mean square of what the first layer reads", "第一层输入的均方根"),
    "offset": (
        "largest mean of a feature in its standard deviations",
        "特征均值与标准差之比的最大值",
    ),
    "scale_ratio": (
        "standard deviation of wide features over that of narrow ones",
        "宽特征与窄特征标准差之比",
    ),
    "constant_columns": ("columns that hold one value", "只有一个值的列数"),
    "ignored_columns": (
        "columns with a gradient of 0 in every example",
        "所有样本梯度均为 0 的列数",
    ),
    "imbalance": ("largest class over smallest class", "最大类别与最小类别之比"),
    "neighbor_z": (
        "agreement of neighbors' labels, in standard deviations from chance",
        "近邻标签一致性（偏离随机的标准差数）",
    ),
    "ridge_z": (
        "labels found by a linear model, in standard deviations from chance",
        "线性模型预测标签（偏离随机的标准差数）",
    ),
    "held_out_z": (
        "held-out accuracy, in standard deviations from chance",
        "验证准确率（偏离随机的标准差数）",
    ),
    "mislabelled": (
        "share of labels that neighbors and a linear model contradict",
        "近邻与线性模型均不同意的标签比例",
    ),
    "copies": ("share of rows that are copies", "重复行的比例"),
    "leaked": ("share of rows that are in the training data", "出现在训练数据中的行的比例"),
    "equal_units": ("share of units equal to another one", "与其他单元相同的比例"),
    "initial_gain": (
        "root mean square of the initial weights times root of the inputs",
        "初始权重均方根乘以输入数的平方根",
    ),
    "dead": ("share of units that are 0 in every example", "对所有样本均为 0 的单元比例"),
    "saturated": ("share of activations at their ends", "处于饱和端的激活比例"),
    "gradient_ratio": (
        "gradient of the weakest layer over that of the strongest",
        "最弱层与最强层梯度之比",
    ),
    "time_ratio": ("gradient at the far end over that at the near end", "序列远端与近端梯度之比"),
    "gradient_growth": (
        "delta of the first layer over that of the last",
        "首层与末层 delta 之比",
    ),
    "starting_ratio": (
        "gradient at the far end over that at the near end, before training",
        "训练起始权重下序列远端与近端梯度之比",
    ),
    "starting_growth": (
        "delta of the first layer over that of the last, before training",
        "训练起始权重下首层与末层 delta 之比",
    ),
    "bad_gradients": ("share of gradients that are no finite number", "非有限值梯度的比例"),
    "moved": ("distance from the weights at the start", "与初始权重的距离"),
    "frozen_share": ("share of the parameters that never moved", "从未变化的参数比例"),
    "batch_noise": (
        "variance of the batch means over that of the units",
        "批均值方差与单元方差之比",
    ),
    "dropout_gap": (
        "loss with dropout less loss without, on the scale of the loss",
        "有无随机失活的损失之差（相对尺度）",
    ),
    "quiet_gain": (
        "further fall of the loss in the probe without dropout, from the start",
        "从头试验中去掉随机失活后损失的额外下降",
    ),
    "prediction_noise": (
        "spread of the outputs for one and the same row",
        "同一行输入的输出离散程度",
    ),
    "augmented_range": (
        "share of augmented values outside the data's range",
        "增强后超出范围的数值比例",
    ),
    "augmented_level": (
        "loss on augmented examples (0 perfect, 1 no better than a constant)",
        "增强样本的损失（0 为完美，1 等同常数预测）",
    ),
    "augmented_agreement": (
        "augmented examples whose neighbors have their label, against unchanged ones",
        "增强样本与原样本的近邻标签一致率之比",
    ),
    "level": (
        "training loss (0 perfect, 1 no better than a constant)",
        "训练损失（0 为完美，1 等同常数预测）",
    ),
    "decay_gain": (
        "further fall of the loss in the probe without the decay",
        "试验中去掉衰减后损失的额外下降",
    ),
    "sortedness": ("successive rows of one label, over chance", "相邻行同标签的比例与随机之比"),
    "recency": (
        "loss on the other rows less loss on the last rows of the order",
        "其余行与末尾行的损失之差",
    ),
    "noise_scale": ("gradient noise scale over batch size", "梯度噪声尺度与批量之比"),
    "batch_gain": (
        "further fall of the loss in the probe with larger batches",
        "试验中增大批量后损失的额外下降",
    ),
    "lower_rate_gain": (
        "loss at this rate less loss at a lower one, after the same probe from the start",
        "从头试验相同步数，当前与较低学习率的损失之差",
    ),
    "whole_gain": (
        "loss of the whole training less that of the probe at a lower rate",
        "整个训练的损失与较低学习率试验的损失之差",
    ),
    "higher_rate_gain": (
        "further fall of the loss in the probe at a higher rate",
        "试验中提高学习率后损失的额外下降",
    ),
    "own_gain": ("fall of the loss in the probe at this rate", "试验中当前学习率下损失的下降"),
    "rate_gain": (
        "further fall of the loss in the probe at another rate",
        "试验中改变学习率后损失的额外下降",
    ),
    "flat": ("change of the loss over the last half of the epochs", "后半程损失的变化"),
    "knowable": (
        "accuracy (or R2) of a simple model less the network's",
        "简单模型与网络的准确率（或 R2）之差",
    ),
    "gap": ("validation loss less training loss", "验证损失与训练损失之差"),
    "gap_z": ("the same in standard errors", "同上，以标准误差计"),
    "rise": ("rise of the validation loss since its best epoch", "验证损失自最佳轮次以来的上升"),
    "spike": ("jump of the loss over its usual change", "损失跳变与通常变化之比"),
}
