# WHEEL PLACE: a virtual environment in PLACE, the wheel installed into it by pip without any network, used, and removed again.
wheel=$1 place=$2
export PYTHONHASHSEED=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
ending() { echo "ended with $?"; }
tree() { find "$place" -name __pycache__ -prune -o -type l -printf '%P -> %l\n' -o -type f ! -name RECORD -exec cksum {} + | sort | cksum; find "$place" -name __pycache__ -prune -o -printf '%M %P\n' | sort | cksum; }

echo "== venv"
/usr/bin/python3 -m venv "$place"; ending
"$place/bin/python" -c 'import sys; print(sys.prefix != sys.base_prefix, sys.prefix, sys.executable, sys.base_prefix)'
cat "$place/pyvenv.cfg"; ls "$place/bin"; tree

echo "== install"
"$place/bin/pip" install --no-index --quiet "$wheel"; ending
"$place/bin/pip" list --format=freeze; "$place/bin/pip" show -f speedy
"$place/bin/python" -c 'import speedy; print(speedy.where())'; "$place/bin/speedy"
(. "$place/bin/activate" && python -c 'import speedy; print(speedy.total(range(5)))' && speedy)
find "$place" -path '*/speedy/__pycache__/*' -printf '%f\n' | sort; tree
/usr/bin/python3 -c 'import speedy' 2>&1 | tail -n 1
"$place/bin/python" -c '
import multiprocessing, speedy, subprocess, sys
with multiprocessing.get_context("spawn").Pool(2) as pool: print(pool.map(speedy.total, [range(n) for n in range(5)]))
print(subprocess.run([sys.executable, "-m", "compileall", "-q", "-f", speedy.__path__[0]]).returncode)'

echo "== uninstall"
"$place/bin/pip" uninstall -y -q speedy; ending; "$place/bin/python" -c 'import speedy' 2>&1 | tail -n 1; tree
