.PHONY: demo test cluster manifests

demo: ## the main job on a real API server, from YAML to Ready and back; ends by itself
	@tests/cluster/demo

test: ## all tests, on a real API server (built once, kept in ~/.cache)
	tests/cluster/ensure >/dev/null
	cargo test --locked

cluster: ## a real API server for people; prints `export KUBECONFIG=…`, ends with Ctrl-C
	@tail -f /dev/null | tests/cluster/start --with-controller-manager | sed -u 's/^/export KUBECONFIG=/'

manifests: ## regenerate from the code what is committed: crds/, docs/conditions.md, docs/failures.md
	UPDATE=1 cargo test --locked --test it committed
