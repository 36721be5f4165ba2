# make setup, make demo, make test: each sets up what it needs; the second time that takes no time.
.PHONY: setup demo test lint docs clean

# Kernels of torch and BLAS stay on one thread: the tests run in three processes, as some wait for Lava. Python keeps what
# it compiled, since many tests start it anew. Of large pages fewer are copied where Lava forks. Lava's own tests run by
# themselves: all that others load would be copied for each process of a graph, a third of the work. Where one of them
# fails, the others run all the same.
TESTS = env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m pytest --numprocesses 3 --dist worksteal
test: export OMP_NUM_THREADS = 1
test: export GLIBC_TUNABLES = glibc.malloc.hugetlb=1
test: setup
	@$(TESTS) tests/compiler/lava; lava=$$?; $(TESTS) --ignore tests/compiler/lava && exit $$lava

demo: setup
	.venv/bin/ltc2neuro demo

lint: setup
	.venv/bin/ruff check
	.venv/bin/pyright

# A link that leads nowhere, or a page that no menu has, is an error.
docs: setup
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --site-dir site

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt scripts/setup scripts/install
	@scripts/setup

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
