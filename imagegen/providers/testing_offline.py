"""The program by which the contract suite watches a provider that has not been called."""

PROGRAM = """
import importlib, json, socket, sys

wanted = json.loads(sys.argv[1])
connections = []


def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        connections.append(f"{event} {arguments[-1] if event == 'socket.connect' else arguments[0]}")


sys.addaudithook(watch)

from imagegen.errors import ImagegenError
from imagegen.settings import Settings
from imagegen.types import GenerateRequest

found = importlib.import_module(wanted["module"])
for part in wanted["name"].split("."):
    found = getattr(found, part)
settings = Settings.model_validate(wanted["settings"])
provider = found.from_settings(settings)
provider.models()
provider.availability()
model = provider.find_model(provider.default_model)
if model is not None:
    request = GenerateRequest(prompt=wanted["prompt"], provider=provider.name, model=model.id)
    try:
        provider.wire_call(request)
    except ImagegenError:
        pass
imports = [name for name in wanted["slow"] if name in sys.modules]
print(json.dumps({"connections": connections, "imports": imports}))
"""
