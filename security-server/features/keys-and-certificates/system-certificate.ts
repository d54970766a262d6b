/**
 * The internal TLS certificate: this server shows it to client systems, and to services when it calls them.
 */

import type { Handlers } from '#platform/http-service/openapi.ts'
import { bodyBytes } from '#platform/http-service/read-bodies.ts'
import { requestPem, type SubjectFields } from '../../keys/certification-request.ts'
import type { Needs } from './needs.ts'

export function systemCertificateHandlers({ keys: { internalTls } }: Needs): Handlers {
  return {
    getSystemCertificate: async () => internalTls.info(),
    generateSystemTlsKeyAndCertificate: () => internalTls.generate(),
    async downloadSystemCertificate({ query }) {
      return query['format'] === 'DER' ? internalTls.certificate().der : Buffer.from(internalTls.info().pem)
    },
    async generateSystemCertificateRequest({ body }) {
      const q = body as { subject: SubjectFields; dnsNames?: string[]; ipAddresses?: string[] }
      return { pem: requestPem(internalTls.request(q)) }
    },
    importSystemCertificate: ({ body }) => internalTls.importCertificate(bodyBytes(body)),
  }
}
