"""The faults in words: titles and remedies, in English and Chinese."""

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
