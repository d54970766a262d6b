/** The operations that change clients and the TLS certificates with which their systems authenticate. */
import { readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, parseClientId } from '#schemas/identifiers.ts'
import type { RequestKind, RequestState } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import {
  type AskedOfRegistry,
  isAbout,
  isMissed,
  type Standing,
  type StandingColumns,
  standingAfter,
  UNANSWERED,
} from './client-status.ts'
import * as store from './clients/store.ts'
import { changeJudged, clientIn, type Judge, type Manage, timeOf } from './manage.ts'
import type { AuthenticationMode, ClientCertificate } from './view.ts'

export type ManageClients = {
  /**
   * Throws `conflict` when the client exists. Authentication is by certificate unless `mode` says otherwise.
   */
  addClient(id: ClientId, mode?: AuthenticationMode): Promise<void>
  setAuthenticationMode(id: ClientId, mode: AuthenticationMode): Promise<void>
  /** Deletes everything that belongs to it, too. Throws `not_found` and what `judge` throws. */
  deleteClient(id: ClientId, judge?: Judge): Promise<void>
  /**
   * Before the registry is asked: should its answer be lost, `settle` of the feature that asks looks for the
   * request there.
   */
  asking(id: ClientId): Promise<void>
  /** Nothing came of what was being asked. */
  notAsked(id: ClientId): Promise<void>
  /** Remembers the client's newest request at the registry, if this server missed the answer to it. */
  found(id: ClientId, newest: { kind: AskedOfRegistry; request: number; state: RequestState }): Promise<void>
  /** Remembers what was asked of the registry for a client, and the number of the request there. */
  asked(id: ClientId, what: AskedOfRegistry, request: number): Promise<void>
  /** This request was declined or taken back: it is asked no more. What was asked after it still is. */
  ended(id: ClientId, answered: { kind: RequestKind; request: number }): Promise<void>
  /** Remembers which clients a configuration lists. Does nothing when it is known already. */
  settle(isListed: (id: ClientId) => boolean): Promise<void>
  /** Whether `settle` would change something. */
  isSettled(isListed: (id: ClientId) => boolean): boolean
  /**
   * Accepts DER or PEM from any issuer, because the certificate itself is trusted. Throws `cert_validation`
   * when it has expired, `conflict` when the client has it already or has too many.
   */
  addClientCertificate(id: ClientId, bytes: Buffer): Promise<ClientCertificate>
  deleteClientCertificate(id: ClientId, sha256: string): Promise<void>
}

export function manageClients(manage: Manage): ManageClients {
  /** Undefined where nothing changes. */
  const settled = (standing: Standing, isListed: boolean): Standing | undefined => {
    const after = standingAfter(standing, isListed)
    return after.standing === standing.standing && after.asked === standing.asked ? undefined : after
  }
  const isSettled = (isListed: (id: ClientId) => boolean): boolean =>
    [...manage.view().clients.values()].every(
      ({ id, standing }) => settled(standing, isListed(id)) === undefined,
    )

  /** Changes how a client stands, as of the transaction; `change` returns undefined for nothing. */
  const changeStanding = (id: ClientId, change: (now: Standing) => Partial<StandingColumns> | undefined) =>
    manage.change(async (transaction) => {
      const of = idText(id)
      const now = (await store.standings(transaction)).find((one) => one.id === of)?.standing
      const to = now && change(now)
      if (to !== undefined) await store.updateClient(transaction, of, to)
    })
  const nothingAsked = { asked: '', asked_request: 0 } as const

  return {
    async addClient(id, mode = 'SSLAUTH') {
      const row = { id: idText(id), authentication_mode: mode, created_at: timeOf(manage) }
      await manage.change((transaction) => store.insertClient(transaction, row))
    },
    async setAuthenticationMode(id, mode) {
      clientIn(manage.view(), id)
      await manage.change((transaction) =>
        store.updateClient(transaction, idText(id), { authentication_mode: mode }),
      )
    },
    async deleteClient(id, judge = () => undefined) {
      await changeJudged(
        manage,
        (view) => {
          clientIn(view, id)
          judge(view)
        },
        (transaction) => store.deleteClient(transaction, idText(id)),
      )
    },
    async asked(id, what, request) {
      clientIn(manage.view(), id)
      await manage.change((transaction) =>
        store.updateClient(transaction, idText(id), { asked: what, asked_request: request }),
      )
    },
    // What was asked before is still asked of the registry, which is looked at for its sake.
    asking: (id) =>
      changeStanding(id, ({ asked }) => (asked === '' ? { asked_request: UNANSWERED } : undefined)),
    notAsked: (id) =>
      changeStanding(id, ({ asked, request }) =>
        asked === '' && request === UNANSWERED ? nothingAsked : undefined,
      ),
    found: (id, newest) =>
      changeStanding(id, (now) =>
        isMissed(now, newest) ? { asked: newest.kind, asked_request: newest.request } : undefined,
      ),
    ended: (id, answered) => changeStanding(id, (now) => (isAbout(now, answered) ? nothingAsked : undefined)),
    isSettled,
    async settle(isListed) {
      if (isSettled(isListed)) return
      await manage.change(async (transaction) => {
        for (const { id, standing } of await store.standings(transaction)) {
          const after = settled(standing, isListed(parseClientId(id)))
          if (after === undefined) continue
          const { standing: stands, asked, request } = after
          await store.updateClient(transaction, id, { standing: stands, asked, asked_request: request })
        }
      })
    },
    async addClientCertificate(id, bytes) {
      clientIn(manage.view(), id)
      const { sha256, der, notBefore, notAfter } = readCertificate(bytes)
      if (notAfter.getTime() < manage.clock()) {
        throw new Fault('cert_validation', { what: say`the certificate has expired` })
      }
      const row = {
        client: idText(id),
        sha256,
        der,
        not_before: notBefore.toISOString(),
        not_after: notAfter.toISOString(),
      }
      await manage.change((transaction) => store.insertCertificate(transaction, row))
      return { sha256, der, notBefore, notAfter }
    },
    async deleteClientCertificate(id, sha256) {
      const { certificates } = clientIn(manage.view(), id)
      if (!certificates.some((each) => each.sha256 === sha256)) {
        throw new Fault('cert_not_found', { what: sha256.slice(0, 64) })
      }
      await manage.change((transaction) => store.deleteCertificate(transaction, idText(id), sha256))
    },
  }
}
