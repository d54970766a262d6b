/** The operations that change clients and the TLS certificates with which their systems authenticate. */
import { readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { type Standing, standingAfter } from './client-status.ts'
import * as store from './clients/store.ts'
import { clientIn, type Manage, timeOf } from './manage.ts'
import type { AuthenticationMode, ClientCertificate } from './view.ts'

const MAX_CERTIFICATES = 100

export type ManageClients = {
  /** Throws `conflict` when the client exists. Authentication is by certificate unless `mode` says otherwise. */
  addClient(id: ClientId, mode?: AuthenticationMode): Promise<void>
  setAuthenticationMode(id: ClientId, mode: AuthenticationMode): Promise<void>
  deleteClient(id: ClientId): Promise<void>
  /** Remembers what was asked of the registry for a client; '' when that was declined or taken back. */
  asked(id: ClientId, what: Standing['asked']): Promise<void>
  /** Remembers which clients a configuration lists. Does nothing when it is known already. */
  settle(isListed: (id: ClientId) => boolean): Promise<void>
  /** Whether `settle` would change something. */
  isSettled(isListed: (id: ClientId) => boolean): boolean
  /**
   * Accepts DER or PEM from any issuer, because the certificate itself is trusted. Throws `cert_validation` when it has expired,
   * `conflict` when the client has it already or has too many.
   */
  addClientCertificate(id: ClientId, bytes: Buffer): Promise<ClientCertificate>
  deleteClientCertificate(id: ClientId, sha256: string): Promise<void>
}

export function manageClients(manage: Manage): ManageClients {
  const unsettled = (isListed: (id: ClientId) => boolean): { id: ClientId; after: Standing }[] =>
    [...manage.view().clients.values()].flatMap(({ id, standing }) => {
      const after = standingAfter(standing, isListed(id))
      return after.standing === standing.standing && after.asked === standing.asked ? [] : [{ id, after }]
    })

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
    async deleteClient(id) {
      clientIn(manage.view(), id)
      await manage.change((transaction) => store.deleteClient(transaction, idText(id)))
    },
    async asked(id, what) {
      const { standing } = clientIn(manage.view(), id).standing
      await manage.change((transaction) =>
        store.updateClient(transaction, idText(id), { standing, asked: what }),
      )
    },
    isSettled: (isListed) => unsettled(isListed).length === 0,
    async settle(isListed) {
      const changes = unsettled(isListed)
      if (changes.length === 0) return
      await manage.change(async (transaction) => {
        for (const { id, after } of changes) await store.updateClient(transaction, idText(id), after)
      })
    },
    async addClientCertificate(id, bytes) {
      const client = clientIn(manage.view(), id)
      if (client.certificates.length >= MAX_CERTIFICATES) {
        throw new Fault('conflict', { what: say`a client has at most ${MAX_CERTIFICATES} certificates` })
      }
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
