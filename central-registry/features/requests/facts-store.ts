/** Reads what the register has about a request's subject, within the transaction that decides about it. */
import type { Kysely } from 'kysely'
import { readCertificate } from '#core/certificate/certificate.ts'
import { idText, memberOf, parseClientId, parseMemberId, parseServerId } from '#schemas/identifiers.ts'
import { ownerOf, type RequestSubject } from '#schemas/management-request.ts'
import { countOf } from '../../changes/store.ts'
import { suspendedAmong, suspendedIn } from '../../register/suspended-store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import type { RegisterFacts } from './rules.ts'

/**
 * The client that a request hosts, with the mandate that covers it, and those for which a required mandate is
 * missing.
 */
export type HostingOf = (
  kysely: Kysely<RegisterTables>,
  q: { subject: RequestSubject; signers: string[] },
  now: string,
) => Promise<Pick<RegisterFacts, 'hosting' | 'uncovered'>>

/** The members that signed a request, and the SHA-256 of their certificates. */
export type Signed = { certificates: string[]; signers: string[] }

export async function readFacts(
  kysely: Kysely<RegisterTables>,
  subject: RequestSubject,
  now: number,
  hostingOf: HostingOf,
  signed: Signed = { certificates: [], signers: [] },
): Promise<RegisterFacts> {
  const { server, client, newOwner, certificate, certificateSha256 } = subject
  const has = async (table: 'member' | 'subsystem' | 'security_server', id: string): Promise<boolean> =>
    (await countOf(kysely, table, 'id', id)) > 0
  const other = client ?? newOwner
  const otherId = other === undefined ? undefined : parseClientId(other)
  const isSubsystem = otherId?.subsystemCode !== undefined
  const added = certificate === undefined ? undefined : readCertificate(Buffer.from(certificate, 'base64'))
  const sha256 = added?.sha256 ?? certificateSha256
  const registration =
    other === undefined
      ? undefined
      : await kysely
          .selectFrom('server_client')
          .select('is_disabled')
          .where('server', '=', server)
          .where('client', '=', other)
          .executeTakeFirst()
  const named =
    other === undefined || !isSubsystem
      ? undefined
      : await kysely.selectFrom('subsystem').select('name').where('id', '=', other).executeTakeFirst()
  const registered =
    sha256 === undefined
      ? undefined
      : await kysely
          .selectFrom('authentication_certificate')
          .select('server')
          .where('sha256', '=', sha256)
          .executeTakeFirst()
  const ids = [ownerOf(subject), ...(other === undefined ? [] : [other])]
  const members = ids.map((id) => idText(memberOf(parseClientId(id))))
  return {
    ...(await hostingOf(kysely, { subject, signers: signed.signers }, new Date(now).toISOString())),
    suspended: suspendedAmong(await suspendedIn(kysely), {
      clients: [...new Set([...ids, ...members])],
      servers: [server],
      certificates: [...new Set([...(sha256 === undefined ? [] : [sha256]), ...signed.certificates])],
    }),
    server: await kysely
      .selectFrom('security_server')
      .select(['address', 'maintenance'])
      .where('id', '=', server)
      .executeTakeFirst(),
    ownerExists: await has('member', ownerOf(subject)),
    otherExists: other !== undefined && (await has(isSubsystem ? 'subsystem' : 'member', other)),
    otherMemberExists: otherId !== undefined && (await has('member', idText(memberOf(otherId)))),
    otherName: named?.name ?? '',
    registration: registration && { disabled: registration.is_disabled === 1 },
    certificateServer: registered?.server,
    certificateExpired: added !== undefined && added.notAfter.getTime() < now,
    newServerExists:
      newOwner !== undefined &&
      (await has(
        'security_server',
        idText({ ...parseMemberId(newOwner), serverCode: parseServerId(server).serverCode }),
      )),
  }
}
