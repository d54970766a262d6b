/**
 * A member's statement of which key signs its server's checkpoints: prepared for the member to sign, and
 * verified by the configuration like other documents of members. Only the current owner of a server can make
 * one for its log.
 */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { noteName } from '#core/merkle/checkpoint.ts'
import { parseVerifierKey } from '#core/merkle/verifier-key.ts'
import { checkSigner } from '#core/signature/check-signer.ts'
import { readSignedJson } from '#core/signature/signed-json.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseServerId } from '#schemas/identifiers.ts'
import { LOG_KEY_TYPE, type LogKeyStatement } from '#schemas/log-key.ts'

/** As for management requests: clocks differ, and documents need time to arrive. */
const ACCEPTED_MS = 5 * 60_000
const FIELDS = ['createdAt', 'id', 'logKey', 'server', 'signer']
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** Throws `invalid_input`, `stale_request`, or the fault of the signature or certificate. */
export function readLogKeyStatement(
  bytes: Buffer,
  trust: { configuration: (instance: string) => ConfigurationIndex | undefined; now: number },
): { origin: string; logKey: string } {
  const { document, signatures } = readSignedJson(bytes, LOG_KEY_TYPE)
  const { createdAt, logKey, server, signer } = fieldsOf(document)
  const [signature, ...more] = signatures
  if (signature === undefined || more.length > 0) throw refused('one signature is needed')
  if (!TIME.test(createdAt) || !(Math.abs(Date.parse(createdAt) - trust.now) <= ACCEPTED_MS))
    throw new Fault('stale_request', { what: 'createdAt is not within 5 minutes of our time' })
  const id = parseServerId(server)
  const owner = memberOf(id)
  if (idText(id) !== server || signer !== idText(owner)) throw refused('the owner of the server has to sign')
  if (parseVerifierKey(logKey, 'log').name !== noteName(server))
    throw refused('the key of a log has the name of its origin')
  const configuration = trust.configuration(id.instance)
  if (configuration === undefined) throw new Fault('unknown_log', { what: server })
  checkSigner({ signature, configuration, at: new Date(trust.now), member: owner })
  return { origin: server, logKey }
}

function fieldsOf(document: unknown): LogKeyStatement {
  const given = (document ?? {}) as Record<string, unknown>
  const names = Object.keys(given).sort()
  const isWhole = names.length === FIELDS.length && FIELDS.every((name, i) => name === names[i])
  if (!isWhole || names.some((name) => typeof given[name] !== 'string'))
    throw refused('a statement has createdAt, id, logKey, server and signer, all texts')
  return given as LogKeyStatement
}

function refused(what: string): Fault {
  return new Fault('invalid_input', { what })
}
