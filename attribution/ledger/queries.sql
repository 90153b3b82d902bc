-- The fixed questions a SQLite ledger is asked. A block starts with `-- name:`; parameters are named.
-- `current` stands for the allocation a call has: the stored one, else the one of the snapshot being read.

-- name: checkpoint
SELECT value FROM meta WHERE name = 'checkpoint'

-- name: store_checkpoint
INSERT INTO meta (name, value) VALUES ('checkpoint', :checkpoint)
ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- name: call
SELECT * FROM calls WHERE call_id = :call_id ORDER BY attempt

-- name: calls
SELECT c.*,
  coalesce(a.target_kind, s.target_kind) AS target_kind, coalesce(a.target_id, s.target_id) AS target_id,
  coalesce(a.rule, s.rule) AS rule, coalesce(a.grade, s.grade) AS grade, coalesce(a.evidence, s.evidence) AS evidence
FROM calls c
LEFT JOIN allocations a ON a.call_id = c.call_id AND a.attempt = c.attempt
LEFT JOIN snapshot_allocations s ON s.call_id = c.call_id AND s.attempt = c.attempt
WHERE c.started_at >= :since AND c.started_at < :until
ORDER BY c.started_at, c.call_id, c.attempt

-- name: calls_of_target
SELECT c.*, a.target_kind, a.target_id, a.rule, a.grade, a.evidence
FROM (
  SELECT * FROM allocations WHERE target_kind = :kind AND target_id = :id
  UNION ALL
  SELECT * FROM snapshot_allocations WHERE target_kind = :kind AND target_id = :id
) a
JOIN calls c ON c.call_id = a.call_id AND c.attempt = a.attempt
WHERE c.started_at >= :since AND c.started_at < :until
ORDER BY c.started_at, c.call_id, c.attempt

-- name: total
SELECT coalesce(sum(high), 0) AS high, coalesce(sum(low), 0) AS low FROM (
  SELECT sum(total_picodollars >> 32) AS high, sum(total_picodollars & 4294967295) AS low
  FROM calls WHERE started_at >= :since AND started_at < :until
  UNION ALL
  SELECT sum(picodollars >> 32), sum(picodollars & 4294967295)
  FROM other_charges WHERE dated >= :since AND dated < :until
)

-- name: price_books
SELECT price_book, price_book_revision AS revision, count(*) AS calls
FROM calls
WHERE started_at >= :since AND started_at < :until AND price_book_revision <> ''
GROUP BY 1, 2 ORDER BY calls DESC, 1, 2

-- name: allocation_inputs
SELECT call_id, attempt, started_at, repository, branch, head, explicit_change AS change, purpose, key_id, team
FROM calls
WHERE started_at >= :since AND started_at < :until
ORDER BY started_at, call_id, attempt

-- name: unallocated_inputs
SELECT c.call_id, c.attempt, started_at, repository, branch, head, explicit_change AS change, purpose, key_id, team
FROM calls c
LEFT JOIN allocations a ON a.call_id = c.call_id AND a.attempt = c.attempt
WHERE started_at >= :since AND started_at < :until AND a.call_id IS NULL
ORDER BY started_at, c.call_id, c.attempt

-- name: allocated_sums
SELECT a.target_kind, a.target_id, a.rule, a.grade, c.price_status, count(*) AS calls,
  coalesce(sum(c.total_picodollars >> 32), 0) AS high, coalesce(sum(c.total_picodollars & 4294967295), 0) AS low
FROM calls c
JOIN allocations a ON a.call_id = c.call_id AND a.attempt = c.attempt
WHERE c.started_at >= :since AND c.started_at < :until
GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT a.target_kind, a.target_id, a.rule, a.grade, c.price_status, count(*),
  coalesce(sum(c.total_picodollars >> 32), 0), coalesce(sum(c.total_picodollars & 4294967295), 0)
FROM snapshot_allocations a
CROSS JOIN calls c ON a.call_id = c.call_id AND a.attempt = c.attempt
WHERE c.started_at >= :since AND c.started_at < :until
GROUP BY 1, 2, 3, 4, 5

-- name: call_spans
SELECT target_id, min(started_at) AS first_call_at, max(started_at) AS last_call_at
FROM (
  SELECT a.target_id, c.started_at
  FROM calls c CROSS JOIN allocations a ON a.call_id = c.call_id AND a.attempt = c.attempt
  WHERE c.started_at >= :since AND c.started_at < :until AND a.target_kind = :kind
  UNION ALL
  SELECT a.target_id, c.started_at
  FROM snapshot_allocations a CROSS JOIN calls c ON a.call_id = c.call_id AND a.attempt = c.attempt
  WHERE c.started_at >= :since AND c.started_at < :until AND a.target_kind = :kind
)
GROUP BY target_id ORDER BY target_id

-- name: changes_with_spend
SELECT DISTINCT id FROM changes WHERE EXISTS (
  SELECT 1 FROM allocations WHERE target_kind = 'change' AND target_id = changes.id
  UNION ALL
  SELECT 1 FROM snapshot_allocations WHERE target_kind = 'change' AND target_id = changes.id
)

-- name: make_snapshot_allocations
CREATE TEMP TABLE snapshot_allocations (
  call_id TEXT, attempt INTEGER, target_kind TEXT, target_id TEXT, rule TEXT, grade TEXT, evidence TEXT,
  PRIMARY KEY (call_id, attempt)
)

-- name: add_snapshot_allocation
INSERT INTO temp.snapshot_allocations VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: delete_what_is_not_staged
DELETE FROM allocations WHERE NOT EXISTS (
  SELECT 1 FROM temp.snapshot_allocations s
  WHERE s.call_id = allocations.call_id AND s.attempt = allocations.attempt
    AND s.target_kind = allocations.target_kind AND s.target_id = allocations.target_id
    AND s.rule = allocations.rule AND s.grade = allocations.grade AND s.evidence = allocations.evidence
)

-- name: store_what_is_staged
INSERT INTO allocations SELECT * FROM temp.snapshot_allocations s WHERE NOT EXISTS (
  SELECT 1 FROM allocations a WHERE a.call_id = s.call_id AND a.attempt = s.attempt
)

-- name: other_charges
SELECT * FROM other_charges WHERE dated >= :since AND dated < :until ORDER BY dated, id

-- name: revoke_key
UPDATE keys SET revoked_at = coalesce(revoked_at, :at) WHERE id = :id
