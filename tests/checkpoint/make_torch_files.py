#!/usr/bin/python3
"""Makes tests/checkpoint/*.pt and *.ckpt: small files of torch.save, as torch_file_test.cpp expects them.

Run with Debian's python3-torch: /usr/bin/python3 tests/checkpoint/make_torch_files.py [FOLDER]
"""
import collections
import pathlib
import sys

import torch


def network():
    """A batch norm of four features and a linear layer to three: blocks.0 and blocks.1."""
    model = torch.nn.Module()
    model.blocks = torch.nn.Sequential(torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 3))
    with torch.no_grad():
        for i, value in enumerate(model.state_dict().values()):
            value.copy_((torch.arange(value.numel()).reshape(value.shape) + 10 * i).to(value.dtype))
    return model


def views():
    """Strides, offsets, one storage for several tensors, every type of number, parameters."""
    base = torch.arange(24, dtype=torch.float32)
    state = collections.OrderedDict()
    state["whole"] = base
    state["transposed"] = base.reshape(4, 6).t()
    state["part"] = base.reshape(4, 6)[1:3, 2:5]
    state["every_other"] = base[1::2]
    state["permuted"] = base.reshape(2, 3, 4).permute(2, 0, 1)
    state["scalar"] = torch.tensor(7.5)
    state["empty"] = torch.zeros(0, 3)
    state["parameter"] = torch.nn.Parameter(torch.tensor([[1.0, -2.0]]))
    for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8):
        state[str(dtype).split(".")[1]] = torch.tensor([-3, 0, 100]).to(dtype)
    state["uint8"] = torch.tensor([200, 1], dtype=torch.uint8)
    state["bool"] = torch.tensor([True, False])
    return state


def tied():
    """Two layers that are one parameter."""
    model = torch.nn.Module()
    model.blocks = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 4))
    model.blocks[2].weight = model.blocks[0].weight
    return model.state_dict()


def lightning():
    """What Lightning writes: the network under the attribute `model`, beside everything else of a run."""
    model = network()
    module = torch.nn.Module()
    module.model = model
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
    module.model.blocks(torch.ones(2, 4)).sum().backward()
    model.load_state_dict(network().state_dict())
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
    model.load_state_dict(network().state_dict())
    loops = {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 3, "completed": 2**40}}}}
    callback = {"monitor": "val_loss", "best_model_score": torch.tensor(0.25), "best_k_models": {}, "kth": -1.5}
    return {"epoch": 3, "global_step": 12, "pytorch-lightning_version": "2.0.0",
            "state_dict": collections.OrderedDict(module.state_dict(), loss_weight=torch.ones(2)), "loops": loops,
            "callbacks": {"ModelCheckpoint{'monitor': None}": callback}, "optimizer_states": [optimizer.state_dict()],
            "lr_schedulers": [scheduler.state_dict()], "hparams_name": None, "flags": (True, False)}


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__)
    folder = folder if folder.is_dir() else folder.resolve().parent
    state = network().state_dict()
    torch.save(state, folder / "plain.pt")
    torch.save(state, folder / "protocol5.pt", pickle_protocol=5)
    torch.save({"epoch": 3, "model_state_dict": {"model." + name: value for name, value in state.items()},
                "losses": [0.5, 0.25]}, folder / "nested.pt")
    torch.save(views(), folder / "views.pt")
    torch.save(lightning(), folder / "lightning.ckpt")
    torch.save(network(), folder / "module.pt")
    torch.save(tied(), folder / "tied.pt")


if __name__ == "__main__":
    main()
