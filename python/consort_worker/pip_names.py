"""Packages that are imported by one name and installed by another."""

_NAMES = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "github": "PyGithub",
    "google.api_core": "google-api-core",
    "google.auth": "google-auth",
    "google.cloud.aiplatform": "google-cloud-aiplatform",
    "google.genai": "google-genai",
    "google.generativeai": "google-generativeai",
    "google.protobuf": "protobuf",
    "grpc": "grpcio",
    "huggingface_hub": "huggingface-hub",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "langchain_anthropic": "langchain-anthropic",
    "langchain_community": "langchain-community",
    "langchain_core": "langchain-core",
    "langchain_openai": "langchain-openai",
    "llama_cpp": "llama-cpp-python",
    "magic": "python-magic",
    "markdown_it": "markdown-it-py",
    "mlx_lm": "mlx-lm",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "pydantic_ai": "pydantic-ai",
    "readability": "readability-lxml",
    "sentence_transformers": "sentence-transformers",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "socks": "PySocks",
    "speech_recognition": "SpeechRecognition",
    "sqlite_utils": "sqlite-utils",
    "tavily": "tavily-python",
    "telegram": "python-telegram-bot",
    "ulid": "python-ulid",
    "usearch": "usearch",
    "whisper": "openai-whisper",
    "win32api": "pywin32",
    "wx": "wxPython",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}


def installed_by(module):
    """The PyPI name of what brings a module: `yaml` -> PyYAML, `google.genai.types` -> google-genai."""
    parts = module.split(".")
    for count in range(len(parts), 0, -1):
        name = _NAMES.get(".".join(parts[:count]))
        if name is not None:
            return name
    return parts[0].replace("_", "-") if parts[0] != "google" else ".".join(parts)
