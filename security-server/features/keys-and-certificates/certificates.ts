/** Certificates of this server's keys, their status, and the approved certificate authorities. */

import type { Caller } from '#platform/http-service/caller.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { bodyBytes } from '#platform/http-service/read-bodies.ts'
import { asFault } from '#schemas/fault.ts'
import { checkKeeps } from './key-officers.ts'
import type { Needs } from './needs.ts'
import { viewsOf } from './views.ts'

export function certificateHandlers(rooms: Needs): Handlers {
  const { keys } = rooms
  const view = viewsOf(rooms)
  const all = () =>
    keys
      .tokens()
      .flatMap((token) => token.keys)
      .flatMap((key) => key.certificates)
      .map(view.certificate)

  /**
   * The certificate's digest. Throws `cert_not_found`, and `forbidden` if its key is not this caller's to
   * keep.
   */
  function keptBy(caller: Caller, sha256: string, approver = caller): string {
    for (const one of [caller, approver]) checkKeeps(one, keys.certificate(sha256).usage)
    return sha256
  }

  return {
    async getApprovedCertificateAuthorities() {
      const { shared } = rooms.globalConfiguration.current().index
      return shared.approvedCas.map((ca) => ({
        name: ca.name,
        authenticationOnly: ca.authenticationOnly,
        certificateProfileInfo: ca.certificateProfileInfo,
        ocspUrls: [ca.topCa, ...ca.intermediateCas].flatMap((each) => each.ocsp.map(({ url }) => url)),
      }))
    },
    getCertificates: async () => all(),
    getCertificate: async ({ params }) => view.certificate(keys.certificate(params['sha256']!)),
    importCertificate: async ({ body, query, caller }) =>
      view.certificate(
        await keys.importCertificate(bodyBytes(body), {
          activate: query['activate'] !== false,
          check: (usage) => checkKeeps(caller, usage),
        }),
      ),
    deleteCertificate: async ({ params, caller, approver }) =>
      keys.deleteCertificate(keptBy(caller, params['sha256']!, approver)),
    activateCertificate: async ({ params, caller }) =>
      view.certificate(await keys.setActive(keptBy(caller, params['sha256']!), true)),
    disableCertificate: async ({ params, caller }) =>
      view.certificate(await keys.setActive(keptBy(caller, params['sha256']!), false)),
    async refreshOcsp() {
      // The list is returned even if the refresh failed: each certificate's status shows what went wrong.
      await keys.refreshOcsp({ force: true }).catch((thrown: unknown) => asFault(thrown))
      return all()
    },
  }
}
