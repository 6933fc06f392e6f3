"""A network of pictures behind LitServe: `litserve_pictures.py FILE.keras PORT BATCH_SIZE`."""

import sys

import litserve
import numpy as np


class Pictures(litserve.LitAPI):
    """What `aimodels serve` does with a picture of numbers, in LitServe's steps."""

    def setup(self, device):
        import aimodels

        aimodels.start()
        import keras
        import tensorflow as tf

        model = keras.saving.load_model(self.path, compile=False)
        specs = [tf.TensorSpec(model.inputs[0].shape, tf.float32)]
        self.run = tf.function(lambda x: model(x, training=False), input_signature=specs)

    def decode_request(self, request):
        return np.array(request["instances"][0], "float32")

    def batch(self, inputs):
        return np.stack(inputs)

    def predict(self, x):
        return self.run(x).numpy()

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return {"predictions": [output.tolist()]}


if __name__ == "__main__":
    api = Pictures(max_batch_size=int(sys.argv[3]), batch_timeout=0.005)
    api.path = sys.argv[1]
    server = litserve.LitServer(api, accelerator="cpu")
    options = {"host": "127.0.0.1", "generate_client_file": False, "log_level": "error"}
    server.run(port=int(sys.argv[2]), **options)
