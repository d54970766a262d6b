/**
 * Takes the cosignature that a security server brings. Guarantees that the owner of a registered server
 * signed the document, that its witness signed a recent checkpoint of ours and that it is the server's, and
 * that nobody takes the name of another's witness.
 */
import { verify } from 'node:crypto'
import { integer, isoTime, plainText, type Read, record, serverId } from '#core/contract/fields.ts'
import { memberId, uuid } from '#core/contract/read-content.ts'
import { parseCheckpoint, verifyCosignature } from '#core/merkle/checkpoint.ts'
import { cosignerOctets } from '#core/merkle/cosigner-key.ts'
import { readLine } from '#core/merkle/signed-note.ts'
import { parseVerifierKey, type VerifierKey } from '#core/merkle/verifier-key.ts'
import type { WitnessPolicy } from '#core/merkle/witness-policy.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { LOG_COSIGNATURE_TYPE, type LogCosignature, witnessClaim } from '#schemas/log-cosignature.ts'
import { say } from '#schemas/said.ts'
import type { SignedWith } from '../../documents/taken-store.ts'
import { serverOf } from './policy.ts'
import type { ServerWitnessStore } from './server-witnesses-store.ts'
import type { PublicLogStore } from './store.ts'
import { type ToldRooms, takeTold } from './take-told.ts'

/** An ML-DSA-44 line has about 3,400 characters and its key about 1,900, each with a name. */
const MAX_TEXT = 5000
/** With longer names a note has room for fewer lines. */
const PRINTABLE = /^[\x21-\x7e]{1,200}$/
const MOST_AHEAD_MS = 300_000

const document: Read<LogCosignature> = record<LogCosignature>({
  ...{ id: uuid, createdAt: isoTime, signer: memberId, server: serverId },
  witnessKey: plainText(MAX_TEXT),
  size: integer(1, Number.MAX_SAFE_INTEGER),
  cosignature: plainText(MAX_TEXT),
  witnessProof: plainText(MAX_TEXT),
})

type CosignedLog = {
  policy: WitnessPolicy | undefined
  store: Pick<PublicLogStore, 'ofSize' | 'recentFrom' | 'putCosignature'>
  servers: Pick<ServerWitnessStore, 'take'>
}

export function cosignatureHandlers(rooms: ToldRooms<CosignedLog>): Record<string, OperationHandler> {
  return {
    cosignLog: takeTold({
      ...{ rooms, type: LOG_COSIGNATURE_TYPE, document },
      take: (told, log) => take(told, log, rooms.clock()),
    }),
  }
}

async function take(
  told: SignedWith<LogCosignature>,
  { policy, store, servers }: CosignedLog,
  now: number,
): Promise<void> {
  const key = parseVerifierKey(told.witnessKey, 'witness')
  refuseForeignName(told.server, key, policy)
  if (
    !verify(
      null,
      Buffer.from(witnessClaim(told.server)),
      key.publicKey,
      Buffer.from(told.witnessProof, 'base64'),
    )
  )
    throw new Fault('access_denied', {
      what: say`${key.name} did not sign that it is the witness of ${told.server}`,
    })
  const row = await store.ofSize(told.size)
  if (row === undefined || told.size < (await store.recentFrom()))
    throw new Fault('not_found', { what: say`no recent checkpoint has ${told.size} entries` })
  const time = timeOf(told.cosignature, row.note, key)
  if (time.getTime() > now + MOST_AHEAD_MS)
    throw new Fault('malformed_checkpoint', { what: say`the time of the cosignature has not come yet` })
  const { name } = key
  const [told_at, cosigned_at] = [told.createdAt, time.toISOString()]
  await servers.take(
    { server: told.server, name, verifier_key: told.witnessKey, told_at, size: told.size, cosigned_at },
    told.signedWith,
  )
  const line = { witness: name, time: cosigned_at, line: told.cosignature }
  await store.putCosignature({ size: told.size, server: told.server, ...line })
}

/**
 * Cosignatures are kept by the name of the witness. A name of the policy is that server's to which the policy
 * gives it, with the policy's key; any other begins with the identifier of the server, so that none can take
 * a name before its owner does.
 */
function refuseForeignName(
  server: string,
  { name, publicKey }: VerifierKey,
  policy: WitnessPolicy | undefined,
): void {
  const named = policy?.witnesses.find((one) => one.name === name)
  if (named === undefined) {
    const isOwn = name === server || name.startsWith(`${server}/`)
    if (!isOwn || !PRINTABLE.test(name))
      throw new Fault('conflict', {
        what: say`the name of this witness has to begin with ${server}/ and have at most 200 characters of ASCII`,
      })
  } else if (serverOf(named.url ?? '') !== server)
    throw new Fault('conflict', { what: say`the policy of this log gives ${name} to another witness` })
  else if (!cosignerOctets(named.publicKey).equals(cosignerOctets(publicKey)))
    throw new Fault('conflict', { what: say`the policy of this log has another key for ${name}` })
}

function timeOf(line: string, note: string, { name, publicKey }: VerifierKey): Date {
  const signature = readLine(line)
  const { text } = parseCheckpoint(note).note
  const found =
    signature.name === name
      ? verifyCosignature({ text, signatures: [signature] }, name, publicKey)
      : undefined
  if (found === undefined)
    throw new Fault('malformed_checkpoint', { what: say`this is no cosignature of ${name}` })
  return found.time
}
