/** Checks a leaf form: the leaf is its hash, and it is in the only canonical spelling. */

import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { LEAF_KINDS, type LeafFields, leafForm } from '#core/merkle/leaf-form.ts'
import { say } from '#schemas/said.ts'
import { inconsistent } from './inconsistent.ts'

const MEMBERS = [
  'answers',
  'body',
  'contract',
  'direction',
  'fields',
  'kind',
  'logLevel',
  'message',
  'outcome',
  'parties',
  'signature',
  'time',
  'version',
]
const KINDS = new Set<string>(LEAF_KINDS)
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/

/** Throws `log_inconsistent` or `malformed_json`. */
export function checkForm(record: { leaf: Buffer; form: string }): LeafFields {
  if (!leafHash(Buffer.from(record.form)).equals(record.leaf))
    throw inconsistent(say`the leaf is not that of the form`)
  return readForm(record.form)
}

/** Reads a form without comparing its leaf. Throws `log_inconsistent` or `malformed_json`. */
function readForm(text: string): LeafFields {
  const value = parseStrictJson(text) as Record<string, unknown>
  const names = value === null || typeof value !== 'object' ? [] : Object.keys(value)
  if (names.length !== MEMBERS.length || names.some((name, i) => name !== MEMBERS[i])) {
    throw inconsistent(say`the form has other members`)
  }
  if (names.some((name) => typeof value[name] !== (name === 'version' ? 'number' : 'string'))) {
    throw inconsistent(say`the form has a member of another type`)
  }
  const form = value as LeafFields
  if (form.version !== 1 || !KINDS.has(form.kind) || !TIME.test(form.time))
    throw inconsistent(say`the form is not ours`)
  if (leafForm(form) !== text) throw inconsistent(say`the form is not canonical`)
  return form
}
