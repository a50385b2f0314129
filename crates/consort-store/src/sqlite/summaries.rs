//! Summaries in the database.
use super::fault::Done;
use super::turns::id;
use super::{conversations, log};
use crate::{ConversationId, Summary, SummaryId, TurnId, growth};
use consort_core::Money;
use rusqlite::{Connection, params};

pub(super) fn put(connection: &Connection, summary: &Summary) -> Done<()> {
    let conversation = conversations::place(connection, summary.conversation)?;
    log::inside(connection, summary.up_to, conversation)?;
    let sql = "INSERT INTO summaries (id, conversation, up_to, text, model, cost, created) VALUES (?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (id) DO UPDATE SET conversation = excluded.conversation, up_to = excluded.up_to,
                 text = excluded.text, model = excluded.model, cost = excluded.cost, created = excluded.created";
    let values = params![
        summary.id.0.as_bytes(),
        conversation,
        summary.up_to.0.as_bytes(),
        summary.text,
        summary.model,
        summary.cost.map(|cost| cost.0.cast_signed()),
        growth::micros(summary.created),
    ];
    connection.execute(sql, values)?;
    Ok(())
}

pub(super) fn of(connection: &Connection, conversation: ConversationId) -> Done<Vec<Summary>> {
    let mut find = connection.prepare_cached(
        "SELECT s.id, s.up_to, s.text, s.model, s.cost, s.created
         FROM summaries s JOIN conversations c ON c.seq = s.conversation WHERE c.id = ? ORDER BY s.seq",
    )?;
    let mut rows = find.query([conversation.0.as_bytes()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Summary {
            id: SummaryId(id(row, 0)?),
            conversation,
            up_to: TurnId(id(row, 1)?),
            text: row.get(2)?,
            model: row.get(3)?,
            cost: row.get::<_, Option<i64>>(4)?.map(|cost| Money(cost.cast_unsigned())),
            created: growth::time(row.get(5)?),
        });
    }
    Ok(found)
}

pub(super) fn remove(connection: &Connection, id: SummaryId) -> Done<()> {
    connection.execute("DELETE FROM summaries WHERE id = ?", [id.0.as_bytes()])?;
    Ok(())
}
