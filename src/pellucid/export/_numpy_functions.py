"""The mathematics of a layer in NumPy alone; ``to_numpy`` copies what a network needs into a file.

So each function stands for itself: it may call the others here and nothing else. Arrays are batch
first, images (batch, height, width, channels), as everywhere in Pellucid.
"""

import math

import numpy as np

# ruff: noqa: B905  (what is copied is read by people: as little as the formula needs)
# mypy: ignore-errors


# y = 1 / (1 + e^-x)
def sigmoid(x):
    e = np.exp(-np.abs(x))  # of the smaller side, so that nothing overflows
    return np.where(x >= 0, 1, e) / (1 + e)


# y = max(x, 0)
def relu(x):
    return np.maximum(x, 0)


# y = min(max(x, 0), 6)
def relu6(x):
    return np.clip(x, 0, 6)


# y = min(max(x, 0), ceiling) + slope min(x, 0)
def capped_relu(x, ceiling, slope):
    return np.clip(x, 0, ceiling) + slope * np.minimum(x, 0)


# y = x where x > 0, else slope x
def leaky_relu(x, slope=0.2):
    return np.where(x > 0, x, slope * x)


# y = x where x > 0, else alpha (e^x - 1)
def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


# y = s x where x > 0, else s alpha (e^x - 1)
def selu(x):
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


# y = x Phi(x), Phi the standard normal distribution function
def gelu(x):
    erf = np.vectorize(math.erf, otypes=[x.dtype])
    return x * (1 + erf(x / math.sqrt(2))) / 2


# y = x / (1 + e^-x)
def silu(x):
    return x * sigmoid(x)


# y = log(1 + e^x)
def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


# y = x / (1 + |x|)
def softsign(x):
    return x / (1 + np.abs(x))


# y = min(max(x/6 + 1/2, 0), 1)
def hard_sigmoid(x):
    return np.clip(x / 6 + 0.5, 0, 1)


# y = x tanh(log(1 + e^x))
def mish(x):
    return x * np.tanh(softplus(x))


# y_i = e^(x_i) / sum_j e^(x_j)
def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


# y_i = x_i - log sum_j e^(x_j)
def log_softmax(x, axis=-1):
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


# z_j = sum_i x_i W_ij + b_j
def dense(x, w, b=0):
    return x @ w + b


# y[n, t] = E[x[n, t]]
def embedding(x, table):
    return table[np.clip(x.astype(np.int64), 0, len(table) - 1)]


# z[n, p, o] = sum_k sum_i x[n, strides p + dilation k - before, i] K[k, i, o] + b[o]
def conv(x, kernel, b=0, strides=None, padding=(), dilation=None, groups=1):
    x = np.pad(x, [(0, 0), *padding, (0, 0)])
    *size, inputs, outputs = kernel.shape
    strides, dilation = strides or (1,) * len(size), dilation or (1,) * len(size)
    reach = [(k - 1) * d for k, d in zip(size, dilation)]
    count = [(n - r - 1) // s + 1 for n, r, s in zip(x.shape[1:-1], reach, strides)]
    z = np.zeros((len(x), *count, groups, outputs // groups), x.dtype)
    for k in np.ndindex(*size):  # one position of the window after the other
        seen = tuple(
            slice(i * d, i * d + (m - 1) * s + 1, s)
            for i, d, m, s in zip(k, dilation, count, strides)
        )
        met = x[(slice(None), *seen)].reshape(*z.shape[:-1], inputs)
        w = kernel[k].reshape(inputs, groups, outputs // groups)
        z += np.einsum("...gi,igo->...go", met, w)
    return z.reshape(*z.shape[:-2], outputs) + b


# y[n, p, c] = max_k x[n, strides p + k - before, c]
def max_pool(x, size, strides, padding):
    x = np.pad(x, [(0, 0), *padding, (0, 0)], constant_values=-np.inf)
    return np.max(met_by_windows(x, size, strides), axis=0)


# y[n, p, c] = mean_k x[n, strides p + k - before, c], over what lies inside
def average_pool(x, size, strides, padding):
    inside = np.pad(np.ones_like(x), [(0, 0), *padding, (0, 0)])
    x = np.pad(x, [(0, 0), *padding, (0, 0)])
    return sum(met_by_windows(x, size, strides)) / sum(met_by_windows(inside, size, strides))


# what all windows meet at their first position, at their second, ...
def met_by_windows(x, size, strides):
    count = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:-1], size, strides)]
    met = []
    for k in np.ndindex(*size):
        seen = tuple(slice(i, i + (m - 1) * s + 1, s) for i, m, s in zip(k, count, strides))
        met.append(x[(slice(None), *seen)])
    return met


# y[n, c] = sum_t m[n, t] x[n, t, c] / sum_t m[n, t]
def masked_mean(x, m):
    return (x * m[..., None]).sum(1) / np.maximum(m.sum(1, keepdims=True), 1).astype(x.dtype)


# y[n, c] = max of x[n, t, c] over the steps with m[n, t] = 1, 0 if there are none
def masked_max(x, m):
    y = np.where(m[..., None], x, -np.inf).max(1)
    return np.where(m.any(1, keepdims=True), y, 0).astype(x.dtype)


# y = gamma (x - mean) / sqrt(variance + epsilon) + beta
def normalized(x, mean, variance, gamma, beta, epsilon):
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


# the same, with mean and variance of each row
def layer_norm(x, gamma, beta, epsilon):
    return normalized(x, x.mean(-1, keepdims=True), x.var(-1, keepdims=True), gamma, beta, epsilon)


# the new states where the step counts, else the old ones
def counted(m, new, old):
    return new if m is None else np.where(m[:, None], new, old)


# the numbers of the steps in the order in which they are read, and their masks
def read_steps(x, mask, backwards):
    order = range(x.shape[1])
    return [
        (t, None if mask is None else mask[:, t]) for t in (reversed(order) if backwards else order)
    ]


# h_t = f(x_t W + h_(t-1) U + b)
def simple_rnn(x, w, u, b=0, h=None, mask=None, backwards=False, f=np.tanh):
    p = x @ w + b
    h = np.zeros((len(x), len(u)), x.dtype) if h is None else h
    y = np.empty((*x.shape[:2], len(u)), x.dtype)
    for t, m in read_steps(x, mask, backwards):
        h = counted(m, f(p[:, t] + h @ u), h)
        y[:, t] = h
    return y, h


# c_t = f c_(t-1) + i g, h_t = o act(c_t), with the gates i, f, o and g from x_t W + h_(t-1) U + b
def lstm(x, w, u, b=0, h=None, c=None, mask=None, backwards=False, act=np.tanh, gate=sigmoid):
    p = x @ w + b
    h = np.zeros((len(x), len(u)), x.dtype) if h is None else h
    c = np.zeros((len(x), len(u)), x.dtype) if c is None else c
    y = np.empty((*x.shape[:2], len(u)), x.dtype)
    for t, m in read_steps(x, mask, backwards):
        i, f, g, o = np.split(p[:, t] + h @ u, 4, axis=1)
        new = gate(f) * c + gate(i) * act(g)
        h = counted(m, gate(o) * act(new), h)
        c = counted(m, new, c)
        y[:, t] = h
    return y, h, c


# h_t = z h_(t-1) + (1 - z) g, with the gates z and r, and g that sees r of the old state
def gru(
    x,
    w,
    u,
    b=0,
    past=0,
    h=None,
    mask=None,
    backwards=False,
    act=np.tanh,
    gate=sigmoid,
    reset_after=True,
):
    p = x @ w + b
    n = len(u)
    h = np.zeros((len(x), n), x.dtype) if h is None else h
    y = np.empty((*x.shape[:2], n), x.dtype)
    for t, m in read_steps(x, mask, backwards):
        q = h @ u + past
        z, r = gate(p[:, t, :n] + q[:, :n]), gate(p[:, t, n : 2 * n] + q[:, n : 2 * n])
        seen = r * q[:, 2 * n :] if reset_after else (r * h) @ u[:, 2 * n :]
        g = act(p[:, t, 2 * n :] + seen)
        h = counted(m, z * h + (1 - z) * g, h)
        y[:, t] = h
    return y, h


# d_j = sum_i (x_i - c_ji)^2
def squared_distance(x, centers):
    return ((x[..., None, :] - centers) ** 2).sum(-1)


# y_j = exp(-d_j / (2 w_j^2))
def radial_basis(x, centers, widths):
    return np.exp(-squared_distance(x, centers) / (2 * widths**2))
