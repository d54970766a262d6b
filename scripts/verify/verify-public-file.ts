/**
 * Judges the files that a registry publishes for everybody, without a network: the proof of a log entry, the
 * history of a DID, a credential. Guarantees that TOTAL-PASSED rests on a key or document that the user
 * named, not on one that came with the file. A history that may have been cut is INDETERMINATE: nobody sees
 * by the file alone that later entries are missing.
 */
import { readFile } from 'node:fs/promises'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { isCredential, verifyCredential } from '#core/did/credential.ts'
import { MAX_HISTORY_BYTES, readHistory } from '#core/did/read-history.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { isTlogProof, parseTlogProof, verifyTlogProof } from '#core/merkle/tlog-proof.ts'
import { parseVerifierKey } from '#core/merkle/verifier-key.ts'
import { judgeWitnesses, type WitnessPolicy } from '#core/merkle/witness-policy.ts'
import { printable } from '#platform/plain-text.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { Report } from './report.ts'

type Question = {
  file: string
  content: Buffer
  /** The verifier key of the log. */
  logKey: string | undefined
  /** A file with the entry, for a proof that does not bring it. */
  entry: string | undefined
  /** The DID whose history is meant. */
  did: string | undefined
  /** A file with the proof that the newest entry of a history is in the log. */
  proof: string | undefined
  /** The DID document of whoever issued a credential. */
  issuer: string | undefined
  witnesses: WitnessPolicy | undefined
  now: Date
}

type Kind = 'proof' | 'history' | 'credential'

/** Which of these a file is; undefined for another one. */
export function publicFileKind(file: string, content: Buffer): Kind | undefined {
  if (isTlogProof(content)) return 'proof'
  if (isCredential(content)) return 'credential'
  return file.endsWith('.jsonl') && content.length <= MAX_HISTORY_BYTES ? 'history' : undefined
}

/**
 * Throws `invalid_input` when an option is missing; a file that does not hold is a report that did not pass.
 */
export async function verifyPublicFile(kind: Kind, q: Question): Promise<Report> {
  try {
    if (kind === 'history') return await judgeHistory(q)
    const facts = kind === 'proof' ? await judgeProof(q) : await judgeCredential(q)
    return report(kind, q.file, 'TOTAL-PASSED', facts)
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code === 'io_error' || thrown instanceof Missing) throw thrown
    const { code, message } = asFault(thrown)
    return report(kind, q.file, 'TOTAL-FAILED', { code, reason: message })
  }
}

class Missing extends Fault {
  constructor(what: string) {
    super('invalid_input', { what })
  }
}

async function judgeProof({ content, logKey, entry, witnesses }: Question) {
  if (logKey === undefined) throw new Missing('a proof needs the key of its log: --log-key')
  const proof = parseTlogProof(content)
  const said = entry === undefined ? proof.extra : await readBytes(entry)
  if (said === undefined) throw new Missing('the proof does not bring its entry: name it with --entry')
  verifyTlogProof(proof, leafHash(said), parseVerifierKey(logKey, 'log'))
  const { origin, size, root, note } = proof.checkpoint
  const judged = witnesses === undefined ? undefined : judgeWitnesses(note, witnesses)
  if (judged?.met === false)
    throw new Fault('invalid_proof', { what: 'too few witnesses of the policy cosigned' })
  return {
    ...{ origin, index: proof.index, size, root: root.toString('base64'), entry: said.toString('utf8') },
    witnesses:
      judged?.witnesses.map(({ name, time }) => `${name} at ${time.toISOString()}`) ??
      'not asked for: --witnesses',
  }
}

/** Clocks of honest machines differ a little. */
const AHEAD_MS = 60_000

async function judgeHistory(q: Question): Promise<Report> {
  if (q.did === undefined) throw new Missing('a history needs the DID that you mean, did:webvh:...: --did')
  const { did, entries, deactivated } = readHistory(q.content)
  if (did !== q.did)
    throw new Fault('invalid_proof', { what: `it is the history of ${did}, not of ${q.did}` })
  const newest = entries.at(-1)!
  if (Date.parse(newest.versionTime) > q.now.getTime() + AHEAD_MS)
    throw new Fault('invalid_proof', { what: `its newest entry is of a time to come: ${newest.versionTime}` })
  const facts = {
    ...{ did, entries: entries.length, deactivated, version: newest.versionId },
    ...{ changedAt: newest.versionTime, sha256: newest.sha256 },
  }
  if (q.proof === undefined || q.logKey === undefined) {
    const reason =
      'these entries belong together. Whether they are those of the log, and whether a later one exists, the file does not show: name the proof of the newest entry and the key of the log with --proof and --log-key'
    return report('history', q.file, 'INDETERMINATE', { ...facts, reason })
  }
  const proof = await judgeProof({ ...q, content: await readBytes(q.proof), entry: undefined })
  checkLogged(proof.entry, { did, version: newest.versionId, sha256: newest.sha256 })
  const { origin, index, size, witnesses } = proof
  const notKnown =
    'whether an entry was added after this one: ask the log for its newest checkpoint, and the registry for did-proofs.json'
  return report('history', q.file, 'TOTAL-PASSED', {
    ...facts,
    log: { origin, index, size, witnesses },
    notKnown,
  })
}

/** Throws `invalid_proof` unless the leaf of the log tells of exactly this entry. */
function checkLogged(leaf: string, q: { did: string; version: string; sha256: string }): void {
  const said = parseStrictJson(Buffer.from(leaf))
  const { kind, did, version, entry } = (said ?? {}) as Record<string, unknown>
  if (kind !== 'identity' || did !== q.did || version !== q.version || entry !== q.sha256)
    throw new Fault('invalid_proof', {
      what: 'the proof is of something else than the newest entry of this history',
    })
}

async function judgeCredential({ content, issuer, now }: Question): Promise<object> {
  if (issuer === undefined) throw new Missing('a credential needs the DID document of its issuer: --issuer')
  const document = parseStrictJson(await readBytes(issuer))
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new Fault('invalid_input', { what: `${issuer} is no DID document` })
  return verifyCredential(content.toString('latin1').trim(), { issuer: { ...document }, now })
}

async function readBytes(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: unknown) => {
    throw new Fault('io_error', { what: `${file} cannot be read`, cause })
  })
}

function report(kind: Kind, file: string, verdict: string, facts: object): Report {
  const rows = Object.entries(facts).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return `  ${name.padEnd(18)}${text}`
  })
  const text = `${[`${file}: ${verdict}`, ...rows].map(printable).join('\n')}\n`
  return { kind, passed: verdict === 'TOTAL-PASSED', facts: { file, kind, verdict, ...facts }, text }
}
