/** Tokens, keys, certificate requests and certificates, for operators. */
import type { FeatureModule } from '#platform/feature.ts'
import { certificateHandlers } from './certificates.ts'
import type { Needs } from './needs.ts'
import { systemCertificateHandlers } from './system-certificate.ts'
import { tokenHandlers } from './tokens.ts'

export const keysAndCertificates: FeatureModule<Needs> = {
  name: 'keys-and-certificates',
  open: (ground) => ({
    operations: {
      ...tokenHandlers(ground),
      ...certificateHandlers(ground),
      ...systemCertificateHandlers(ground),
    },
  }),
}
