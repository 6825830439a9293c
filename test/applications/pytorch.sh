#!/usr/bin/env bash
# PyTorch, Debian's package as it is: a network is trained, DataLoader's workers and queues pass tensors by shared memory; natively and in the image.
. "$(dirname "$0")/../runtime/support/lib.sh"
. "$(dirname "$0")/support/debian.sh"
. "$(dirname "$0")/support/servers.sh"
own=$(cd "$(dirname "$0")/pytorch" && pwd)

torch=/usr/lib/python3/dist-packages/torch
if [ ! -r "$torch/__init__.py" ]; then
	skip "PyTorch: $torch is absent (package python3-torch)"
	finish
fi
mkdir -p "$scratch/site/work"
cp "$own/train.py" "$scratch/site"
includes=(--include "$scratch/site" --include "$torch")
for name in torchgen numpy typing_extensions.py yaml; do includes+=(--include "/usr/lib/python3/dist-packages/$name"); done
python_itself
extension_modules
libraries "$torch/bin/torch_shm_manager"
includes+=(--include "$torch/lib/libtorch_global_deps.so")
# Tests of the package and of the C++ library, and what other programs are compiled with.
for pattern in "$torch"/bin/*{Test,test}* "$torch/include/*" '/usr/lib/python3/dist-packages/numpy/*/tests/*'; do includes+=(--exclude "$pattern"); done
binaryfs build / -o "$scratch/pytorch.so" "${includes[@]}" >"$scratch/log" 2>&1 || fail "pack PyTorch: $(cat "$scratch/log")"
[ "$(id -u)" -ne 0 ] || chown 65534:65534 "$scratch/site/work"

echo "image: $(du -m "$scratch/pytorch.so" | cut -f1) MiB"

for kind in native image; do
	launch=()
	[ "$kind" = native ] || launch=("$scratch/pytorch.so")
	began=$EPOCHREALTIME
	expect "$kind: import" 0 '^5.0$' as_user "${launch[@]}" /usr/bin/python3 -c 'import torch; print(torch.tensor([3.0, 4.0]).norm().item())'
	echo "import, $kind: $(seconds_since "$began") s"
done
# Side by side. A worker that never answers is what may go wrong here: then it ends as a failure.
program=(/usr/bin/python3 "$scratch/site/train.py" "$scratch/site/work")
# What fails natively says nothing of the image: then both run again.
declare -A ended
for attempt in 1 2 3; do
	start_server native timeout 600 "${program[@]}"
	start_server image timeout 600 "$scratch/pytorch.so" "${program[@]}"
	for kind in native image; do
		wait "${server_group[$kind]}"
		ended[$kind]=$?
		group_goes "$kind" || fail "$kind: processes stay"
	done
	[ "${ended[native]}" -ne 0 ] || break
	echo "attempt $attempt failed natively: $(tail -n 1 "$scratch/native.log")"
done
for kind in native image; do
	if [ "${ended[$kind]}" -eq 0 ]; then pass; else fail "$kind: status ${ended[$kind]}: $(tail -n 5 "$scratch/$kind.log")"; fi
done
for line in 'goes down True' 'loaded True' 'mapped 4194304 ' 'DataLoader fork file_descriptor 128' 'DataLoader spawn file_system 128' 'queue fork file_system' 'queue spawn file_descriptor'; do
	expect "natively: $line" 0 "^$line" cat "$scratch/native.log"
done
expect "in the image as natively" 0 '^the same$' /usr/bin/python3 "$own/compare.py" "$scratch/native.log" "$scratch/image.log"
[ "$failed" -eq 0 ] || diff "$scratch/native.log" "$scratch/image.log"
finish
