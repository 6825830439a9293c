"""client.py PORT ready|store|list: what a client sees of Barbican, the same text for the same answers (identifiers and times are left out)."""
import http.client
import json
import sys

port, action = int(sys.argv[1]), sys.argv[2]
PAYLOAD = "swordfish" * 100


def ask(method, path, body=None, accept="application/json"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    headers = {"X-Project-Id": "4711", "Accept": accept, "Content-Type": "application/json"}
    connection.request(method, path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    print(method, path.split("/v1/")[-1].split("/")[0] or "/", answer.status)
    return text


def ready():
    print("ready", json.loads(ask("GET", "/"))["versions"]["values"][0]["id"])


def show():
    secrets = json.loads(ask("GET", "/v1/secrets"))
    print("total", secrets["total"])
    for secret in secrets["secrets"]:
        path = "/v1/secrets/" + secret["secret_ref"].rsplit("/", 1)[1]
        payload = ask("GET", path + "/payload", accept="text/plain")
        print(secret["name"], secret["status"], secret["secret_type"], "as stored" if payload == PAYLOAD else payload)


if action == "ready":
    ready()
elif action == "store":
    ask("POST", "/v1/secrets", {"name": "password", "payload": PAYLOAD, "payload_content_type": "text/plain"})
    show()
else:
    show()
