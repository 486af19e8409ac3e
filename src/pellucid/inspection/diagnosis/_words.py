"""The words of a diagnosis, in English and Chinese."""

from typing import NamedTuple

Pair = tuple[str, str]


class Words(NamedTuple):
    """What is said about a fault: its title and its remedy, each in both languages."""

    title: Pair
    remedy: Pair


FAULTS: dict[str, Words] = {
    "not_finite": Words(
        ("Weights that are not finite", "权重中出现非有限值"),
        (
            "Try: lower the learning rate, or add clipnorm=1.0 to the optimizer; train again.",
            "建议：降低学习率，或在优化器中设置 clipnorm=1.0，然后重新训练。",
        ),
    ),
    "activation_does_not_fit_loss": Words(
        ("The output does not fit the loss", "输出与损失不匹配"),
        (
            (
                "Try: let the last layer give what the loss reads: raw scores with "
                "from_logits=True, "
                "softmax or sigmoid with from_logits=False, a linear output for a regression."
            ),
            (
                "建议：让最后一层给出损失所需的量：from_logits=True 对应原始分数，"
                "from_logits=False "
                "对应 softmax 或 sigmoid，回归用线性输出。"
            ),
        ),
    ),
    "misleading_metric": Words(
        ("A metric means something else", "指标的含义与名称不符"),
        (
            (
                "Try: name the metric in full (categorical_accuracy, "
                "sparse_categorical_accuracy), and "
                "for classes of unequal size look at recall, F1 or the confusion matrix."
            ),
            "建议：写出指标全名（如 categorical_accuracy）；类别不均衡时看召回率、F1 或混淆矩阵。",
        ),
    ),
    "missing_normalization": Words(
        ("Inputs are not normalized", "输入没有归一化"),
        (
            (
                "Try: subtract the mean and divide by the standard deviation of the training data, "
                "or divide pixels by 255."
            ),
            "建议：减去训练数据的均值并除以标准差；像素除以 255。",
        ),
    ),
    "constant_inputs": Words(
        ("Inputs that never change", "恒定不变的输入"),
        (
            "Try: find out why these columns hold one value, and leave them out.",
            "建议：查明这些列为何只有一个值，并将其去掉。",
        ),
    ),
    "ignored_inputs": Words(
        ("Inputs that the network does not read", "网络没有用到的输入"),
        (
            (
                "Try: check the layers between these inputs and the output: a slice, a mask, "
                "a product with 0."
            ),
            "建议：检查这些输入到输出之间的层：切片、掩码或乘以 0。",
        ),
    ),
    "class_imbalance": Words(
        ("Classes of very unequal size", "类别严重不均衡"),
        (
            (
                "Try: class_weight in fit, more examples of the rare classes, and a measure "
                "for each "
                "class."
            ),
            "建议：在 fit 中使用 class_weight，补充少数类样本，并按类别评估。",
        ),
    ),
    "shuffled_labels": Words(
        ("Labels have nothing to do with the inputs", "标签与输入无关"),
        (
            (
                "Try: check that x and y were shuffled, sorted and filtered together; look "
                "at a few "
                "examples with their labels."
            ),
            "建议：检查 x 与 y 是否一起打乱、排序和筛选；查看几个样本及其标签。",
        ),
    ),
    "mislabelled_examples": Words(
        ("Examples with a wrong label", "标签错误的样本"),
        (
            "Try: look at the examples named above and correct or remove them.",
            "建议：查看上面列出的样本，改正或删除。",
        ),
    ),
    "duplicated_rows": Words(
        ("Rows that occur more than once", "重复的样本"),
        (
            (
                "Try: remove the copies before splitting the data; np.unique(x, axis=0) "
                "finds equal "
                "rows."
            ),
            "建议：在划分数据之前去除重复样本；np.unique(x, axis=0) 可找出相同的行。",
        ),
    ),
    "leaking_test_data": Words(
        ("Held-out examples are in the training data", "测试数据泄漏到训练数据"),
        (
            (
                "Try: remove the copies, split again, and do not trust the measure of the held-out "
                "part until then."
            ),
            "建议：去除重复后重新划分；在此之前不要相信该部分的评估结果。",
        ),
    ),
    "symmetric_initialization": Words(
        ("Units that start equal and stay equal", "单元初始相同且始终相同"),
        (
            (
                "Try: draw the weights at random: kernel_initializer='glorot_uniform' or "
                "'he_normal'; "
                "zeros are for biases."
            ),
            "建议：随机初始化权重（'glorot_uniform' 或 'he_normal'）；零只用于偏置。",
        ),
    ),
    "initialization_too_large": Words(
        ("Weights start far too large", "初始权重过大"),
        (
            "Try: kernel_initializer='he_normal' for ReLU, 'glorot_uniform' otherwise.",
            "建议：ReLU 用 'he_normal'，其余用 'glorot_uniform'。",
        ),
    ),
    "dead_units": Words(
        ("Dead ReLU units", "死亡的 ReLU 单元"),
        (
            "Try: a lower learning rate, he_normal weights with biases of 0, or leaky ReLU.",
            "建议：降低学习率，用 he_normal 初始化且偏置为 0，或改用 leaky ReLU。",
        ),
    ),
    "saturated_units": Words(
        ("Saturated sigmoid or tanh units", "饱和的 sigmoid 或 tanh 单元"),
        (
            (
                "Try: normalized inputs, smaller weights at the start, batch or layer "
                "normalization "
                "before the activation, or ReLU."
            ),
            "建议：归一化输入，减小初始权重，在激活前加批归一化或层归一化，或改用 ReLU。",
        ),
    ),
    "vanishing_gradients": Words(
        ("Vanishing gradients", "梯度消失"),
        (
            (
                "Try: ReLU or GELU in place of sigmoid, residual connections, normalization "
                "layers; "
                "LSTM or GRU in place of a simple RNN."
            ),
            (
                "建议：用 ReLU 或 GELU 代替 sigmoid，加残差连接和归一化层；用 LSTM 或 GRU "
                "代替简单 RNN。"
            ),
        ),
    ),
    "exploding_gradients": Words(
        ("Exploding gradients", "梯度爆炸"),
        (
            (
                "Try: clipnorm=1.0 in the optimizer, smaller weights at the start, normalization "
                "layers; shorter sequences or an LSTM."
            ),
            "建议：在优化器中设置 clipnorm=1.0，减小初始权重，加归一化层；缩短序列或改用 LSTM。",
        ),
    ),
    "frozen_layers": Words(
        ("Layers that never learned", "从未学习的层"),
        (
            "Try: trainable=True for these layers, or load trained weights into them.",
            "建议：将这些层设为 trainable=True，或为其载入训练好的权重。",
        ),
    ),
    "tiny_batch_normalization": Words(
        ("Batch normalization with tiny batches", "批归一化的批量过小"),
        (
            "Try: batches of 16 or more, or LayerNormalization or GroupNormalization.",
            "建议：批量取 16 以上，或改用层归一化、组归一化。",
        ),
    ),
    "dropout_too_strong": Words(
        ("Dropout too strong", "随机失活过强"),
        (
            "Try: a rate of 0.2 to 0.5; it is the share that is dropped.",
            "建议：取 0.2 到 0.5；该数是被丢弃的比例。",
        ),
    ),
    "random_predictions": Words(
        ("Dropout or noise is left on when predicting", "预测时随机失活或噪声未关闭"),
        (
            "Try: in a layer of your own draw random numbers only if context.training.",
            "建议：自定义层只在 context.training 为真时使用随机数。",
        ),
    ),
    "broken_augmentation": Words(
        ("Augmentation destroys the examples", "数据增强破坏了样本"),
        (
            "Try: look at augmented examples; weaker changes, and the value range of your data.",
            "建议：查看增强后的样本；减弱变换，并核对数据的取值范围。",
        ),
    ),
    "weight_decay_too_strong": Words(
        ("Weight decay too strong", "权重衰减过强"),
        (
            "Try: a decay or L2 factor ten to a hundred times smaller.",
            "建议：将权重衰减或 L2 系数减小到十分之一至百分之一。",
        ),
    ),
    "data_not_shuffled": Words(
        ("Training data comes sorted and is not shuffled", "训练数据有序且未打乱"),
        (
            "Try: shuffle=True in fit, or shuffle the data once beforehand.",
            "建议：在 fit 中设 shuffle=True，或事先打乱数据。",
        ),
    ),
    "noisy_gradients": Words(
        ("Gradients are mostly noise: batches too small", "梯度噪声过大：批量过小"),
        (
            "Try: batches eight or more times as large, or a lower learning rate.",
            "建议：批量增大到八倍以上，或降低学习率。",
        ),
    ),
    "rate_too_high": Words(
        ("Learning rate too high", "学习率过高"),
        (
            "Try: the rate that did best in the probe above, with a warm-up or a decay.",
            "建议：采用上面试验中表现最好的学习率，并配合预热或衰减。",
        ),
    ),
    "rate_too_low": Words(
        ("Learning rate too low", "学习率过低"),
        (
            "Try: the rate that did best in the probe above.",
            "建议：采用上面试验中表现最好的学习率。",
        ),
    ),
    "plateau": Words(
        ("The loss stopped improving while it could", "损失停滞，但仍可下降"),
        (
            (
                "Try: another learning rate from here on, the one of the probe above; check "
                "that no "
                "schedule or callback lowered it too early."
            ),
            "建议：从此处改用上面试验中的学习率；检查学习率调度或回调是否过早降低了它。",
        ),
    ),
    "underfitting": Words(
        ("Under-fitting", "欠拟合"),
        (
            "Try: more units or layers, less regularization, more epochs.",
            "建议：增加单元或层数，减弱正则化，增加训练轮数。",
        ),
    ),
    "overfitting": Words(
        ("Over-fitting", "过拟合"),
        (
            (
                "Try: early stopping at the best epoch, more data or augmentation, dropout, "
                "weight decay, a smaller network."
            ),
            "建议：在最佳轮次提前停止，增加数据或数据增强，使用随机失活、权重衰减或更小的网络。",
        ),
    ),
    "loss_spikes": Words(
        ("Spikes of the loss", "损失突然升高"),
        (
            "Try: clipnorm=1.0, a lower rate or a warm-up; look at the data of that epoch.",
            "建议：设置 clipnorm=1.0，降低学习率或加预热；查看该轮的数据。",
        ),
    ),
}
"""Every fault, the most fundamental ones first."""

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
    "continuous": ("accuracy of numbers that are no classes", "对非类别数值计算准确率"),
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
    "not_classes": ("share of targets that are neither 0 nor 1", "既非 0 也非 1 的目标比例"),
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
