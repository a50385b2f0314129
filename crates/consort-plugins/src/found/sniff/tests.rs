//! What the text of a Python file tells, and what it only seems to.
use super::*;

#[track_caller]
fn check(source: &str, dialect: Option<Dialect>) {
    assert_eq!(sniff(source).dialect, dialect, "{source}");
}

#[test]
fn drop_in_files() {
    let dialect = Some(Dialect::DropIn);
    check("from llm_utils import LLMClient\nclass A(LLMClient):\n  pass\n", dialect);
    check("import llm_utils\nclass A(llm_utils.LLMClient): pass", dialect);
    check("from .llm_utils import (\n  LLMClient,\n)\n", dialect);
    check("from mine import LLMClient\nclass A(\n    Other,\n    LLMClient,\n):\n    pass\n", dialect);
    check("try:\n    import json, llm_utils as u\nexcept ImportError:\n    pass\n", dialect);
    check("import llm\nfrom llm_utils import LLMClient\n", dialect);
}

#[test]
fn a_client_by_way_of_a_helper_beside_it() {
    let body = "    def generate_response(self, a, b, c, d): return 'x'\n";
    let dialect = Some(Dialect::DropIn);
    check(&format!("from _base import Common\nclass A(Common):\n{body}"), dialect);
    check(&format!("import _base as b\nclass A(b.Common):\n{body}"), dialect);
    check(&format!("from ._base import Common as C\nclass A(C):\n    async {}", &body[4..]), dialect);
    check(&format!("from abc import ABC\nclass A(ABC):\n{body}"), None);
    check(&format!("from _base import Common\nclass A:\n{body}"), None);
    check("from _base import Common\nclass A(Common):\n    pass\n", None);
}

#[test]
fn llm_files() {
    let dialect = Some(Dialect::Llm);
    check("import llm\n@llm.hookimpl\ndef register_models(register): pass\n", dialect);
    check("from llm import hookimpl, Model\n@hookimpl(specname='x')\ndef f(register): pass\n", dialect);
    check("import llm.utils as u\nfrom llm import hookimpl as h\nx = llm.hookimpl(f)\n", dialect);
    check("import llm\nfrom llm import hookimpl\n", None);
    assert!(sniff("import llm\n").imports_llm);
}

#[test]
fn what_only_looks_like_a_plugin() {
    check("\"\"\"from llm_utils import LLMClient\nclass A(LLMClient): pass\n\"\"\"\n", None);
    check("# import llm_utils\nx = 'import llm_utils'\n", None);
    check("class LLMClient:\n    pass\nclass A(MyLLMClient): pass\n", None);
    check("import llm_utilsx\nimport llmx\n", None);
    check("", None);
}

#[test]
fn bruno_files() {
    let dialect = Some(Dialect::Bruno);
    check("from bruno_core.interfaces import LLMInterface\n", dialect);
    check("from mine import Base\nimport bruno_core\nclass A(Base): pass\n", dialect);
    check("from typing import *\nclass A(LLMInterface):\n    pass\n", dialect);
}

#[test]
fn vision_files() {
    let dialect = Some(Dialect::Vision);
    check("from vision_agents.core.llm import realtime\nclass A(realtime.Realtime): pass\n", dialect);
    check("from vision_agents.core.llm.llm import LLM\nclass A(LLM[int]):\n  pass\n", dialect);
    check("import getstream.x\n", dialect);
    check("from mine import LLM\nclass A(LLM):\n  pass\n", None);
}

#[test]
fn the_first_model_of_two_dialects_counts() {
    let bruno = "class A(LLMInterface):\n  pass\n";
    let vision = "from vision_agents.core.llm import LLM\nclass B(LLM):\n  pass\n";
    check(&format!("{bruno}{vision}"), Some(Dialect::Bruno));
    check(&format!("{vision}{bruno}"), Some(Dialect::Vision));
    check(&format!("from llm_utils import LLMClient\n{vision}"), Some(Dialect::Vision));
    check("import vision_agents\nclass C(LLMInterface, LLM):\n  pass\n", Some(Dialect::Bruno));
    let hook = "import llm\n@llm.hookimpl\ndef f(register): pass\n";
    check(&format!("{vision}{hook}"), Some(Dialect::Llm));
}

#[test]
fn keys_that_are_arguments() {
    let found = sniff(
        "class A(LLMInterface):\n  def __init__(self, openai_api_key: str, api_key='x', *,\n      token=None):\n    pass\n  \
         def other(self, access_token): pass\nasync def create_llm(api_key): pass\n",
    );
    assert_eq!(found.key_arguments, ["openai_api_key", "api_key", "token"]);
}

#[test]
fn a_syntax_error_hides_nothing() {
    check("x = (\nfrom llm_utils import LLMClient\n", Some(Dialect::DropIn));
    check("'''open\nfrom llm_utils import LLMClient\n", Some(Dialect::DropIn));
}

#[test]
fn imports_are_those_of_the_file_itself() {
    let source = "import os, json.tool as j\nfrom a.b import c\nif x:\n  import d\ndef f():\n  import hidden\n\
        class C:\n  import too\n  def g(self): pass\nimport os.path\nfrom . import e\nx = 1; import g\n";
    assert_eq!(sniff(source).imports, ["os", "json", "a", "d", "g"]);
}

#[test]
fn what_may_lie_beside_it() {
    let source = "import words.more, json\nfrom .a import b\nfrom . import c\nfrom llm_plugins import d\n\
        def f():\n  from llm_plugins.e import x\n  import g.h as i\n";
    assert_eq!(sniff(source).near, ["words", "json", "a", "c", "llm_plugins", "d", "e", "g"]);
}

#[test]
fn the_keys_of_models() {
    let found = sniff(
        "needs_key = 'outside'\nclass A(llm.KeyModel):\n  needs_key = \"acme\"\n  key_env_var: str = 'ACME_KEY'\n\
         class B(A):\n  needs_key = 'acme'\n  key_env_var = NAME\n\
         class C:\n  needs_key = None\n  key_env_var = 'no variable'\n",
    );
    assert_eq!((found.needs_key, found.key_env), (vec!["acme".to_owned()], vec!["ACME_KEY".to_owned()]));
}
