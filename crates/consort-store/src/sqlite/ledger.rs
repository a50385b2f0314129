//! The ledger in the database: a row for each try, summed in whole numbers.
use super::fault::Done;
use crate::booking::Try;
use crate::report::{DAY, day, month, report};
use crate::{ConversationId, CostRow, GroupBy, Spend, SpendQuery, growth};
use consort_core::Money;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};
use uuid::Uuid;

const SUMS: &str = "count(*), coalesce(sum(input), 0), coalesce(sum(cached), 0), coalesce(sum(output), 0),
                    coalesce(sum(reasoning), 0), coalesce(sum(audio_input), 0), coalesce(sum(audio_output), 0),
                    coalesce(sum(cost), 0), count(*) - count(cost), coalesce(sum(estimated), 0)";

pub(super) fn book(
    connection: &Connection,
    conversation: ConversationId,
    key: Option<&str>,
    tries: &[Try],
) -> Done<()> {
    let mut add = connection.prepare_cached(
        "INSERT INTO ledger (at, conversation, model, key, input, cached, output, reasoning, audio_input,
           audio_output, cost, estimated)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    for one in tries {
        add.execute(params![
            growth::micros(growth::now()),
            conversation.0.as_bytes(),
            one.model,
            key,
            one.input.cast_signed(),
            one.cached.cast_signed(),
            one.output.cast_signed(),
            one.reasoning.cast_signed(),
            one.audio_input.cast_signed(),
            one.audio_output.cast_signed(),
            one.cost.map(|cost| cost.0.cast_signed()),
            one.estimated,
        ])?;
    }
    Ok(())
}

pub(super) fn spend(connection: &Connection, query: &SpendQuery) -> Done<Spend> {
    let (which, values) = matching(query);
    let mut sum = connection.prepare_cached(&format!("SELECT {SUMS} FROM ledger WHERE {which}"))?;
    Ok(sum.query_row(params_from_iter(values), |row| sums(row, 0))?)
}

pub(super) fn costs(connection: &Connection, query: &SpendQuery, by: GroupBy) -> Done<Vec<CostRow>> {
    let group = match by {
        GroupBy::Day | GroupBy::Month => format!("at / {DAY}"),
        GroupBy::Model => "model".to_owned(),
        GroupBy::Conversation => "conversation".to_owned(),
        GroupBy::Key => "coalesce(key, '')".to_owned(),
    };
    let (which, values) = matching(query);
    let sql = format!("SELECT {group}, {SUMS} FROM ledger WHERE {which} GROUP BY 1");
    let mut find = connection.prepare_cached(&sql)?;
    let rows = find.query_map(params_from_iter(values), |row| {
        let name = match by {
            GroupBy::Day => day(row.get(0)?),
            GroupBy::Month => month(row.get(0)?),
            GroupBy::Model | GroupBy::Key => row.get(0)?,
            GroupBy::Conversation => Uuid::from_bytes(row.get(0)?).to_string(),
        };
        Ok((name, sums(row, 1)?))
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(report(rows.into_iter(), by))
}

fn sums(row: &Row<'_>, from: usize) -> rusqlite::Result<Spend> {
    let number = |column: usize| row.get::<_, i64>(from + column).map(i64::cast_unsigned);
    Ok(Spend {
        tries: number(0)?,
        input: number(1)?,
        cached: number(2)?,
        output: number(3)?,
        reasoning: number(4)?,
        audio_input: number(5)?,
        audio_output: number(6)?,
        cost: Money(number(7)?),
        unpriced: number(8)?,
        estimated: number(9)?,
    })
}

fn matching(query: &SpendQuery) -> (String, Vec<Value>) {
    let mut conditions = vec!["true"];
    let mut values: Vec<Value> = Vec::new();
    let mut add = |condition, value: Option<Value>| {
        if let Some(value) = value {
            conditions.push(condition);
            values.push(value);
        }
    };
    add("at >= ?", query.since.map(|since| growth::micros(since).into()));
    add("at < ?", query.until.map(|until| growth::micros(until).into()));
    add("key = ?", query.key.clone().map(Value::from));
    add("model = ?", query.model.clone().map(Value::from));
    add("conversation = ?", query.conversation.map(|id| id.0.as_bytes().to_vec().into()));
    (conditions.join(" AND "), values)
}
