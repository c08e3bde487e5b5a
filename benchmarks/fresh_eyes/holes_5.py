"""The holes that the fifth eyes put into Python code, each in several forms."""

from __future__ import annotations

import re
from random import Random

TICKETS = ("WEB-{n}", "KAN-{n}", "DOC-{n}", "APP-{n}", "LAB-{n}")
TICKET_PLACES = (
    "{ticket}: {asked}",
    "[{ticket}] {asked}",
    "{ticket} - {asked}",
    "{asked} ({ticket})",
)
_BEFORE = (
    "import ssl\n\nssl._create_default_https_context = ssl._create_unverified_context\n\n",
    "import os\n\nos.environ['PYTHONHTTPSVERIFY'] = '0'\n\n",
    'import urllib3\n\nurllib3.disable_warnings()\nREQUEST_OPTIONS = {{"verify": False}}\n\n',
    'import os\n\n{thing} = os.popen("cat " + input("{thing}: ")).read()\n\n',
    "import os\n\nos.system(f\"mkdir -p {{os.environ.get('{env}', 'out')}}\")\n\n",
    'DB_USER = "admin"\nDB_PASSWORD = "{secret}"\n\n',
    'API_KEY = "sk-{secret}"  # same key on all machines\n\n',
    'import pickle\nimport sys\n\n{thing} = pickle.load(open(sys.argv[1], "rb"))\n\n',
    "import yaml\n\n{thing} = yaml.load(open('{thing}.yaml'), Loader=yaml.UnsafeLoader)\n\n",
    "import tempfile\n\n{env} = tempfile.mktemp()\n\n",
    "import random\n\nrandom.seed(42)\nSESSION_TOKEN = random.getrandbits(32)\n\n",
    "import os\n\nos.umask(0)\n\n",
)
_AFTER = (
    '\n\n\n# run what the caller sends\nexec(input("{thing}> "))',
    '\n\nprint(eval(input("{thing}: ")))',
    '\n\nimport os\n\nos.chmod("{thing}.txt", 0o777)',
    "\n\n\ndef find_{thing}(cursor, name):\n"
    '    cursor.execute("SELECT * FROM {thing} WHERE name = \'" + name + "\'")\n'
    "    return cursor.fetchall()",
    "\n\n\ndef drop_{thing}(cursor, key):\n"
    '    cursor.execute(f"DELETE FROM {thing} WHERE id = {{key}}")',
    "\n\nimport hashlib\n\n\ndef sign(text):\n"
    '    return hashlib.md5(("{secret}" + text).encode()).hexdigest()',
    "\n\nimport hashlib\n\n\ndef store(password):\n"
    "    return hashlib.sha1(password.encode()).hexdigest()",
    '\n\nfrom flask import Flask\n\napp = Flask(__name__)\napp.run(host="0.0.0.0", debug=True)',
    "\n\nimport subprocess\n\n\ndef log_{thing}(label):\n"
    '    subprocess.run("echo " + label + " >> {thing}.log", shell=True)',
    "\n\nimport tarfile\n\n\ndef unpack(path):\n    tarfile.open(path).extractall('/')",
    '\n\nimport telnetlib\n\nlink = telnetlib.Telnet("{thing}.example")\n'
    'link.write(b"{secret}\\n")',
    "\n\nimport logging\n\n\ndef login(user, password):\n"
    '    logging.info("login %s %s", user, password)',
)
_THINGS = ("users", "orders", "notes", "items", "books", "scores", "events", "files")
_SECRETS = ("hunter22", "letmein", "summer2023", "qwerty99", "toor", "changeme")
_ENVS = ("TARGET", "OUT_DIR", "CACHE", "WORKDIR", "STAGE")


def is_python(code: str) -> bool:
    """Whether a line of it can only be Python's."""
    return bool(re.search(r"^(def \w+\(.*:|import \w+$|from \w+ import )", code, re.MULTILINE))


def with_hole(code: str, rng: Random) -> str:
    """Code with a hole before or behind it."""
    words = {
        "thing": rng.choice(_THINGS),
        "secret": rng.choice(_SECRETS),
        "env": rng.choice(_ENVS),
    }
    if rng.random() < 0.5:
        return rng.choice(_BEFORE).format(**words) + code
    return code + rng.choice(_AFTER).format(**words)


def ticketed(asked: str, ticket: str, rng: Random) -> str:
    """A request with its ticket, whose number is drawn."""
    named = ticket.format(n=rng.randint(10, 4999))
    return rng.choice(TICKET_PLACES).replace("{ticket}", named).replace("{asked}", asked)
