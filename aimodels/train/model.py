r"""A `keras.Model` whose training step is correct across replicas, and one XLA program on each.

Under `tf.distribute` every replica (a device that holds a copy of the model) sees a part of the
global batch. With $n_r$ examples on replica $r$ and $N$ in all, the gradient of the mean loss is

$$ \nabla L = \sum_r \frac{n_r}{N} \nabla L_r $$

which equals the mean over the replicas only if all parts are equally large. `Model` weights each
replica by its part, so that a last, partial batch counts as on one device; it gives each replica
dropout masks of its own, and lets the moving statistics of batch normalization agree.
"""

import inspect
import itertools
import warnings

import keras
import tensorflow as tf

from aimodels.checks import check_known, check_positive_int
from aimodels.train import constructor
from aimodels.train.keras_internals import all_layers, clone_by_config


@keras.saving.register_keras_serializable("aimodels")
class Model(keras.Model):
    """Build it from inputs and outputs; use it as `keras.Model`. `compile` has one more argument.

    A subclass needs no `get_config`: the arguments of its constructor are kept in `config`, and a
    misspelt one is refused. Saved and loaded, or cloned, a model keeps its class, and the dtype
    policy and `trainable` of every layer inside.

    Example:
        >>> inputs = keras.Input((4,))
        >>> model = Model(inputs, keras.layers.Dense(1)(inputs))
        >>> model.compile("sgd", loss="mse", jit_compile=True)
        >>> history = model.fit(tf.ones((8, 4)), tf.ones((8, 1)), verbose=0)
        >>> model.jit_compile
        True
    """

    _compiles_replicas = False  # by `compile(jit_compile=True)`

    def __init_subclass__(cls, **kwargs) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = constructor.capturing(cls.__init__)

    def compile(
        self, *args, jit_compile: bool | str = "auto", num_microbatches: int = 1, **kwargs
    ) -> None:
        """As `keras.Model.compile`, and:

        Args:
            *args: Keras's own arguments.
            jit_compile: True compiles forward and backward pass to one XLA program on each replica;
                all-reduce and update stay outside, which is why it works under any strategy. Where
                a layer cannot be compiled, one warning says so, and training goes on without:
                `model.jit_compile` is False then. `evaluate` and `predict` are not compiled, as
                their batches often differ in shape. "auto" leaves the choice to Keras on one
                replica, and is False on several.
            num_microbatches: number of pieces of a batch whose gradients are computed one after the
                other and added: the memory for activations shrinks, the gradient stays the same.
                What does not shrink: the batch, its outputs (for the metrics) and the gradients, of
                which there are two sets, the sum and the piece's. So it helps where activations are
                most of the memory. Only batch normalization notices: it takes the statistics of
                each piece.
            **kwargs: Keras's own arguments.

        Raises:
            TypeError: if there is no such argument; it names the nearest.
            ValueError: if `num_microbatches` is not an integer >= 1, or `jit_compile` is neither a
                bool nor "auto".
        """
        check_known(kwargs, _COMPILE_ARGUMENTS, f"{type(self).__name__}.compile")
        check_positive_int(num_microbatches=num_microbatches)
        if jit_compile not in (True, False, "auto"):
            raise ValueError(f'jit_compile must be True, False or "auto"; got {jit_compile!r}')
        several = tf.distribute.get_strategy().num_replicas_in_sync > 1
        per_replica = jit_compile is True and not kwargs.get("run_eagerly")
        if several and kwargs.get("steps_per_execution", 1) != 1:  # fails in Keras 3 itself
            kwargs["steps_per_execution"] = 1
            warnings.warn("on several replicas every step is a call of its own", stacklevel=2)
        self._compiles_replicas = False
        by_keras = False if per_replica or several else jit_compile
        super().compile(*args, jit_compile=by_keras, **kwargs)
        self._asked_jit_compile = jit_compile
        self._compiles_replicas = per_replica
        self.num_microbatches = int(num_microbatches)
        self._function = None

    @property
    def jit_compile(self) -> bool:
        """Whether XLA compiles the training step."""
        return self._compiles_replicas or super().jit_compile

    @jit_compile.setter
    def jit_compile(self, value: bool) -> None:
        keras.Model.jit_compile.fset(self, value)

    def make_train_function(self, force: bool = False):
        return self._uncompiled(super().make_train_function, force)

    def make_test_function(self, force: bool = False):
        return self._uncompiled(super().make_test_function, force)

    def make_predict_function(self, force: bool = False):
        return self._uncompiled(super().make_predict_function, force)

    def _uncompiled(self, make, force):
        """A step of Keras, not compiled as a whole where its replicas are compiled."""
        compiles, self._compiles_replicas = self._compiles_replicas, False
        try:
            return make(force)
        finally:
            self._compiles_replicas = compiles

    def get_config(self) -> dict:
        """The constructor's arguments, name, dtype policy, and each layer changed since."""
        return constructor.get_config(self, super().get_config)

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "Model":
        return constructor.from_config(cls, super().from_config, config, custom_objects)

    def get_compile_config(self) -> dict | None:
        config = super().get_compile_config()  # None before `compile`
        return config and config | {
            "jit_compile": self._asked_jit_compile,
            "num_microbatches": self.num_microbatches,
        }

    def compile_from_config(self, config: dict) -> None:
        config = keras.saving.deserialize_keras_object(config)
        self.compile(**config)
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def fit(self, x=None, y=None, *args, **kwargs):
        """As `keras.Model.fit`, which warns of its own default when `x` is a `tf.data.Dataset`.

        Raises:
            ValueError: if `class_weight` is given, and a target is no single class for each
                example, or the data are those of several replicas: use `sample_weight`.
        """
        if kwargs.get("class_weight") is not None:
            self._check_class_weight(x)
        if isinstance(x, tf.data.Dataset | tf.distribute.DistributedDataset):
            kwargs.setdefault("shuffle", False)
        if self.compiled and self.built and not self.optimizer.built:
            with self.distribute_strategy.scope():  # or the first step makes its variables, and
                self.optimizer.build(self.trainable_variables)  # TensorFlow traces it twice
        return super().fit(x, y, *args, **kwargs)

    def _check_class_weight(self, x) -> None:
        """Keras takes the last axis of (B, T) targets for one-hot classes, and does not say so."""
        outputs = getattr(self, "outputs", None) or []
        if len(outputs) > 1 or any(len(output.shape) > 2 for output in outputs):
            shapes = ", ".join(str(output.shape) for output in outputs)
            problem = f"one class for each example; {self.name} has outputs of shape {shapes}"
        elif isinstance(x, tf.distribute.DistributedDataset):
            problem = "arrays or a tf.data.Dataset, not the batches of several replicas"
        else:
            return
        raise ValueError(f"class_weight needs {problem}: pass sample_weight instead")

    def train_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        replica = tf.distribute.get_replica_context()
        size = _size(x)
        share = _share(size, replica)
        several = self.num_microbatches > 1 or replica.num_replicas_in_sync > 1
        state = self._state(replica)
        trained = [tf.convert_to_tensor(v.value) for v in self.trainable_variables]
        changed: dict[str, tf.Tensor] = {}
        loss, y_pred, gradients = 0, [], None
        for piece in _pieces((x, y, sample_weight), size, self.num_microbatches):
            if gradients is not None:
                piece = _after(gradients, piece)
            part = _ratio(_size(piece[0]), size)
            factor = self.optimizer.scale_loss(share * part)
            arguments = (trained, state | changed, *piece, factor)
            one, predicted, found, new = self._function_for(arguments)(*arguments)
            if several:  # a part without examples changes nothing
                found = [_none_if_empty(gradient, part) for gradient in found]
                before = state | changed
                new = {name: tf.where(part > 0, value, before[name]) for name, value in new.items()}
            changed |= new
            loss += tf.where(part > 0, one, tf.zeros_like(one)) * tf.cast(part, one.dtype)
            y_pred.append(predicted)
            gradients = found if gradients is None else _add(gradients, found)
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            gradients = _overflow_everywhere(gradients, replica)
        self.optimizer.apply(gradients, self.trainable_variables)
        self._keep(changed, share, replica)
        tracker = next((metric for metric in self.metrics if metric.name == "loss"), None)
        if tracker is not None:
            tracker.update_state(loss * replica.num_replicas_in_sync, sample_weight=size)
        y_pred = keras.tree.map_structure(lambda *parts: tf.concat(parts, 0), *y_pred)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _loss_and_gradients(self, trained, state, x, y, sample_weight, factor):
        """A function of its arguments alone: what XLA compiles."""
        others = self._others()
        values = [*zip(self.trainable_variables, trained, strict=True)]
        values += [(others[name], value) for name, value in state.items()]
        with tf.GradientTape() as tape, keras.StatelessScope(values, collect_losses=True) as scope:
            tape.watch(trained)
            before = {name: scope.get_current_value(v) for name, v in others.items()}
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
            scaled = loss * tf.cast(factor, loss.dtype)
        gradients = tape.gradient(scaled, trained)
        after = {name: scope.get_current_value(v) for name, v in others.items()}
        changed = {name: after[name] for name in others if after[name] is not before[name]}
        return loss, y_pred, gradients, changed

    def _function_for(self, arguments):
        """`_loss_and_gradients`, compiled by XLA if that is requested and possible."""
        if self._function is None:
            self._function = self._loss_and_gradients
            if self._compiles_replicas:
                if problem := self._not_compilable(arguments):
                    self._compiles_replicas = False
                    warnings.warn(f"training goes on without XLA: {problem}", stacklevel=2)
                else:
                    self._function = tf.function(self._loss_and_gradients, jit_compile=True)
        return self._function

    def _not_compilable(self, arguments) -> str:
        """The reason why not, or "": lowers the program once, for a batch of two."""
        if tf.distribute.has_strategy():
            for layer in all_layers(self):
                if getattr(layer, "synchronized", False):
                    return f"{layer.name} is synchronized between replicas at each step"
        flat = tf.nest.flatten(arguments)
        places = [i for i, value in enumerate(flat) if tf.is_tensor(value)]
        specs = [tf.TensorSpec([n or 2 for n in flat[i].shape], flat[i].dtype) for i in places]

        @tf.function(jit_compile=True)
        def program(*tensors):
            filled = [None] * len(flat)
            for i, tensor in zip(places, tensors, strict=True):
                filled[i] = tensor
            return self._loss_and_gradients(*tf.nest.pack_sequence_as(arguments, filled))

        try:
            with tf.init_scope():
                program.experimental_get_compiler_ir(*specs)(stage="hlo")
        except Exception as error:  # of many types; the reason is in its text
            return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        return ""

    def _others(self) -> dict[str, keras.Variable]:
        """All variables that are not trained, by number: statistics, seeds, metrics."""
        variables = self.non_trainable_variables + self.metrics_variables
        return {str(number): variable for number, variable in enumerate(variables)}

    def _state(self, replica) -> dict[str, tf.Tensor]:
        """The values of `_others`, with seeds offset per replica: each draws other numbers."""
        values = {name: tf.convert_to_tensor(v.value) for name, v in self._others().items()}
        for name, variable in self._others().items():
            if _is_seed(variable):
                values[name] += _offset(values[name], replica)
        return values

    def _keep(self, changed, share, replica) -> None:
        """Assign what the step changed; statistics become their mean, weighted by examples."""
        several = replica.num_replicas_in_sync > 1
        metrics = {id(variable) for variable in self.metrics_variables}
        for name, value in changed.items():
            variable = self._others()[name]
            if _is_seed(variable):
                value -= _offset(value, replica)
            elif several and value.dtype.is_floating and id(variable) not in metrics:
                value = replica.all_reduce("MEAN", value * tf.cast(share, value.dtype))
            variable.assign(value)


_COMPILE_ARGUMENTS = [
    name
    for cls in (keras.Model, Model)
    for name, parameter in inspect.signature(cls.compile).parameters.items()
    if name != "self" and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
]


def _clone(model: Model) -> Model:
    clone = type(model).from_config(model.get_config())
    if model.compiled:
        clone.compile_from_config(model.get_compile_config())
    return clone


clone_by_config(Model, _clone)


def _size(x) -> tf.Tensor:
    return tf.shape(next(leaf for leaf in keras.tree.flatten(x) if leaf is not None))[0]


def _share(size, replica) -> tf.Tensor:
    """n_r R / N: 1 on one replica, or where all parts are equal."""
    if replica.num_replicas_in_sync == 1:
        return tf.constant(1, keras.config.floatx())
    return _ratio(size * replica.num_replicas_in_sync, replica.all_reduce("SUM", size))


def _ratio(part, whole) -> tf.Tensor:
    """A share of a whole that may be empty."""
    dtype = keras.config.floatx()
    return tf.cast(part, dtype) / tf.cast(tf.maximum(whole, 1), dtype)


def _pieces(data, size, number: int) -> list:
    """The batch in so many slices; their sizes differ by one at most."""
    if number == 1:
        return [data]
    bounds = [size * i // number for i in range(number + 1)]

    def piece(begin, end):
        return keras.tree.map_structure(lambda t: None if t is None else t[begin:end], data)

    return [piece(begin, end) for begin, end in itertools.pairwise(bounds)]


def _after(gradients: list, piece):
    """The piece, once the gradients are there: else its activations come on top of the others'."""
    found = [g.values if isinstance(g, tf.IndexedSlices) else g for g in gradients]
    with tf.control_dependencies([gradient for gradient in found if gradient is not None]):
        return keras.tree.map_structure(lambda t: None if t is None else tf.identity(t), piece)


def _add(some: list, others: list) -> list:
    return [a if a is None else _sum(a, b) for a, b in zip(some, others, strict=True)]


def _sum(a, b):
    if isinstance(a, tf.IndexedSlices):  # rows of an embedding: the same row may come twice
        values, indices = tf.concat([a.values, b.values], 0), tf.concat([a.indices, b.indices], 0)
        return tf.IndexedSlices(values, indices, a.dense_shape)
    return a + b


def _none_if_empty(gradient, part):
    """Zeros for a part without examples, whose statistics are not numbers."""
    if gradient is None or isinstance(gradient, tf.IndexedSlices):
        return gradient
    return tf.where(part > 0, gradient, tf.zeros_like(gradient))


def _overflow_everywhere(gradients: list, replica) -> list:
    """Where one replica's gradients are not finite, all skip the step, or weights diverge."""
    if replica.num_replicas_in_sync == 1:
        return gradients
    first = next(i for i, gradient in enumerate(gradients) if gradient is not None)
    dense = [tf.convert_to_tensor(g) for g in gradients if g is not None]
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(g)) for g in dense])
    wrong = replica.all_reduce("SUM", tf.cast(~finite, "float32"))
    poison = tf.where(wrong > 0, float("nan"), 0.0)
    changed = dense[0] + tf.cast(poison, dense[0].dtype)
    return [changed if i == first else g for i, g in enumerate(gradients)]


def _is_seed(variable: keras.Variable) -> bool:
    return variable.path.endswith("seed_generator_state")


def _offset(value: tf.Tensor, replica) -> tf.Tensor:
    """Added to a seed [seed, counter]; nothing for the first replica, as without a strategy."""
    number = tf.cast(replica.replica_id_in_sync_group, value.dtype)
    return tf.stack([number * 1_000_003, tf.zeros_like(number)])
