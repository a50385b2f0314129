-- What is kept, first version. Times are microseconds since 1970; ids are the 16 bytes of a UUID; `seq` is the order in
-- which rows came. Parts, answers, settings and events are JSON.

CREATE TABLE conversations (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  title TEXT,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  pinned INTEGER NOT NULL DEFAULT 0,
  tip BLOB,
  settings TEXT NOT NULL,
  deleted INTEGER,
  -- Counts changes over all conversations, so that their order depends on no clock.
  changed INTEGER NOT NULL
);
CREATE INDEX conversations_shown ON conversations (pinned, changed);

-- What is kept once, however often it is used: media, and what models were asked with.
CREATE TABLE blobs (
  seq INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL UNIQUE,
  bytes BLOB NOT NULL
);

-- Processes that write. One that lives holds a lock on the file of this name beside the database.
CREATE TABLE writers (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE
);

CREATE TABLE turns (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  conversation INTEGER NOT NULL REFERENCES conversations (seq) ON DELETE CASCADE,
  -- Always an earlier turn of the same conversation.
  parent INTEGER,
  role TEXT NOT NULL,
  participant TEXT,
  status TEXT NOT NULL,
  created INTEGER NOT NULL,
  pinned INTEGER NOT NULL DEFAULT 0,
  model TEXT,
  -- Who writes it, while it runs.
  writer INTEGER REFERENCES writers (seq),
  -- Whether parts of it have their bytes in `attachments`.
  media INTEGER NOT NULL,
  asked INTEGER REFERENCES blobs (seq),
  parts TEXT NOT NULL,
  answer TEXT
);
CREATE INDEX turns_of ON turns (conversation);
CREATE INDEX turns_by_model ON turns (model) WHERE model IS NOT NULL;
CREATE INDEX turns_running ON turns (writer) WHERE writer IS NOT NULL;
CREATE INDEX turns_asked ON turns (asked) WHERE asked IS NOT NULL;

CREATE TABLE attachments (
  turn INTEGER NOT NULL REFERENCES turns (seq) ON DELETE CASCADE,
  -- Which of the turn's media it is, in the order in which they stand.
  place INTEGER NOT NULL,
  blob INTEGER NOT NULL REFERENCES blobs (seq),
  PRIMARY KEY (turn, place)
) WITHOUT ROWID;
CREATE INDEX attachments_of ON attachments (blob);

-- What running turns said so far.
CREATE TABLE pieces (
  seq INTEGER PRIMARY KEY,
  turn INTEGER NOT NULL REFERENCES turns (seq) ON DELETE CASCADE,
  events TEXT NOT NULL
);
CREATE INDEX pieces_of ON pieces (turn);

CREATE TABLE summaries (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  conversation INTEGER NOT NULL REFERENCES conversations (seq) ON DELETE CASCADE,
  up_to BLOB NOT NULL,
  text TEXT NOT NULL,
  model TEXT,
  cost INTEGER,
  created INTEGER NOT NULL
);
CREATE INDEX summaries_of ON summaries (conversation);

-- A row for each try. It outlives its conversation.
CREATE TABLE ledger (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  conversation BLOB NOT NULL,
  model TEXT NOT NULL,
  key TEXT,
  input INTEGER NOT NULL,
  cached INTEGER NOT NULL,
  output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL,
  audio_input INTEGER NOT NULL,
  audio_output INTEGER NOT NULL,
  cost INTEGER,
  estimated INTEGER NOT NULL
);
CREATE INDEX ledger_at ON ledger (at);
CREATE INDEX ledger_of ON ledger (conversation);

CREATE TABLE records (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  scope TEXT NOT NULL,
  text TEXT NOT NULL,
  data TEXT NOT NULL,
  created INTEGER NOT NULL
);
CREATE INDEX records_of ON records (scope);

-- Numbers of four bytes, little end first, of length 1 together.
CREATE TABLE vectors (
  record INTEGER PRIMARY KEY REFERENCES records (seq) ON DELETE CASCADE,
  scope TEXT NOT NULL,
  embedder TEXT NOT NULL,
  vector BLOB NOT NULL
);
CREATE INDEX vectors_of ON vectors (embedder, scope);

-- Words, cut and folded by the program: the indexes take them as they are, and keep no text.
CREATE VIRTUAL TABLE turn_words USING fts5 (words, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '3');
CREATE VIRTUAL TABLE title_words USING fts5 (words, content = '', contentless_delete = 1, tokenize = 'ascii');
CREATE VIRTUAL TABLE record_words USING fts5 (words, content = '', contentless_delete = 1, tokenize = 'ascii');
