"""Each published layout, made here from transformers' own modules, gives the features of the model it was made from."""

import pytest
import torch
from torch.testing import assert_close
from transformers import SegformerModel

from mmsnet_lite.errors import InputError
from mmsnet_lite.model import MiTEncoder
from mmsnet_lite.model.checkpoints import read_checkpoint

NAMES = ["mit-nano", *(pytest.param(f"mit-b{k}", marks=[pytest.mark.slow] * (k > 0)) for k in range(6))]


def published(encoder, layout):
    """The tensors of an encoder as NVlabs or OpenMMLab publish them, module by module."""
    found = {}

    def put(name, module, join="."):
        for end in ("weight", "bias"):
            found[f"{name}{join}{end}"] = getattr(module, end).detach().clone()

    def fused(name, modules, join="."):
        for end in ("weight", "bias"):
            found[f"{name}{join}{end}"] = torch.cat([getattr(module, end).detach() for module in modules])

    for s, stage in enumerate(encoder.stages):
        nv = layout == "nvlabs"
        patches = stage.patch_embeddings
        put(f"patch_embed{s + 1}.proj" if nv else f"layers.{s}.0.projection", patches.proj)
        put(f"patch_embed{s + 1}.norm" if nv else f"layers.{s}.0.norm", patches.layer_norm)
        put(f"norm{s + 1}" if nv else f"layers.{s}.2", stage.norm)
        for b, block in enumerate(stage.blocks):
            at = f"block{s + 1}.{b}" if nv else f"layers.{s}.1.{b}"
            linear = {name: module for name, module in block.named_modules() if isinstance(module, torch.nn.Linear)}
            q, k, v, out, fc1, fc2 = linear.values()  # in the order of definition
            norms = [module for module in block.modules() if isinstance(module, torch.nn.LayerNorm)]
            convs = [module for module in block.modules() if isinstance(module, torch.nn.Conv2d)]
            reduced = len(norms) == 3
            put(f"{at}.norm1", norms[0])
            put(f"{at}.norm2", norms[-1])
            if reduced:
                put(f"{at}.attn.sr", convs[0])
                put(f"{at}.attn.norm", norms[1])
            if nv:
                put(f"{at}.attn.q", q)
                fused(f"{at}.attn.kv", (k, v))
                put(f"{at}.attn.proj", out)
                put(f"{at}.mlp.fc1", fc1)
                put(f"{at}.mlp.dwconv.dwconv", convs[-1])
                put(f"{at}.mlp.fc2", fc2)
            else:
                fused(f"{at}.attn.attn.in_proj", (q, k, v), "_")
                put(f"{at}.attn.attn.out_proj", out)
                for index, module in ((0, fc1), (1, convs[-1]), (4, fc2)):
                    put(f"{at}.ffn.layers.{index}", module)
                    if index != 1:
                        found[f"{at}.ffn.layers.{index}.weight"] = module.weight.detach()[:, :, None, None].clone()
    return found


def varied(name):
    """An encoder all of whose tensors differ from their first values, norms and biases too."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        encoder = MiTEncoder(name).eval()
        for parameter in encoder.parameters():
            parameter.data += 0.02 * torch.randn_like(parameter)
    return encoder


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layout", ["nvlabs", "openmmlab"])
def test_a_published_file_gives_the_encoders_features(name, layout, tmp_path):
    encoder = varied(name)
    tensors = published(encoder, layout) | {"head.weight": torch.zeros(9, 9)}
    torch.save(tensors, tmp_path / "mit.pth")
    loaded = MiTEncoder(name, str(tmp_path / "mit.pth")).eval()
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        for ours, theirs in zip(loaded(x), encoder(x), strict=True):
            assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("wrapper", ["state_dict", "model"])
def test_wrapped_and_prefixed_files_are_the_same(wrapper, tmp_path):
    tensors = published(varied("mit-nano"), "openmmlab")
    torch.save(tensors, tmp_path / "plain.pth")
    torch.save({wrapper: {f"backbone.{key}": value for key, value in tensors.items()}, "meta": {}}, tmp_path / "a.pth")
    plain, wrapped = (read_checkpoint(tmp_path / file) for file in ("plain.pth", "a.pth"))
    assert plain.keys() == wrapped.keys()
    assert all(torch.equal(plain[key], wrapped[key]) for key in plain)


def test_a_converted_file_loads_in_transformers(tmp_path):
    encoder = varied("mit-nano")
    torch.save(published(encoder, "nvlabs"), tmp_path / "mit.pth")
    MiTEncoder("mit-nano", str(tmp_path / "mit.pth")).save(tmp_path / "folder")
    theirs = SegformerModel.from_pretrained(tmp_path / "folder").eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert_close(theirs(x).last_hidden_state, encoder(x)[-1], atol=1e-5, rtol=0)


def test_missing_surplus_foreign_and_dangerous_files_are_refused(tmp_path):
    tensors = published(varied("mit-nano"), "nvlabs")
    file = tmp_path / "mit.pth"

    def refused(content, name="mit-nano"):
        torch.save(content, file)
        with pytest.raises(InputError) as error:
            MiTEncoder(name, str(file))
        return str(error.value)

    assert "incomplete" in refused({key: value for key, value in tensors.items() if "block2.1.attn.q" not in key})
    surplus = refused(tensors | {"block1.0.attn.gate.weight": torch.zeros(1)})
    assert "is no MiT encoder's, it has" in surplus
    assert "attn.gate.weight" in surplus
    assert "is no checkpoint of a MiT encoder" in refused({"conv1.weight": torch.zeros(1)})
    assert "cannot be read" in refused(tensors, "mit-b0")
    assert "cannot be read" in refused({"state_dict": print})  # code, which weights_only does not load
    file.write_bytes(b"PK nothing")
    with pytest.raises(InputError, match="cannot be read"):
        MiTEncoder("mit-nano", str(file))


def test_saving_leaves_the_global_generator_alone(tmp_path):
    encoder = varied("mit-nano")
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    encoder.save(tmp_path)
    assert torch.equal(torch.rand(3), expected)
