/**
 * Limits how much may wait for a decision, counted by signer, because whoever files a request chooses the ids
 * in it. So no signer can fill the work list or use up the room of others.
 */
import type { Kysely } from 'kysely'
import { counted } from '#platform/database/lists.ts'
import { Fault } from '#schemas/fault.ts'
import { ownerOf, type RequestSubject, UNDECIDED } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { subjectOf } from './rows-store.ts'
import { certificateDigest } from './rules.ts'

/** The most undecided requests about one server that a member has signed; more are a mistake or an attack. */
const MOST_OF_SERVER = 100
/** About all servers: more than the largest members file before somebody decides. */
const MOST_OF_SIGNER = 1000

/**
 * Throws `conflict` where a new request of these signers has no room, or registers a certificate that another
 * one registers for another server.
 */
export async function checkRoom(
  transaction: Kysely<RegisterTables>,
  subject: RequestSubject,
  signers: readonly string[],
): Promise<void> {
  for (const signer of signers) {
    const own = transaction
      .selectFrom('management_request')
      .innerJoin('management_request_proof', 'management_request_proof.request', 'management_request.id')
      .where('management_request.state', 'in', UNDECIDED)
      .where('management_request_proof.signer', '=', signer)
    if ((await counted(own.where('management_request.server', '=', subject.server))) >= MOST_OF_SERVER)
      throw new Fault('conflict', {
        what: say`${MOST_OF_SERVER} requests of this server wait for a decision`,
      })
    if ((await counted(own)) >= MOST_OF_SIGNER)
      throw new Fault('conflict', { what: say`${MOST_OF_SIGNER} requests of ${signer} wait for a decision` })
  }
  if (subject.kind !== 'authCertReg') return
  const registrations = await transaction
    .selectFrom('management_request')
    .select(['id', 'subject'])
    // A server whose address was wrong files anew.
    .where('server', '!=', subject.server)
    .where('owner', '=', ownerOf(subject))
    .where('kind', '=', 'authCertReg')
    .where('state', 'in', UNDECIDED)
    .execute()
  const sha256 = certificateDigest(subject)
  const same = registrations.find((row) => certificateDigest(subjectOf(row)) === sha256)
  if (same !== undefined)
    throw new Fault('conflict', {
      what: say`request ${same.id} registers the same certificate for another server and is not decided yet: withdraw it first`,
    })
}
