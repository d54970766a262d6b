/** private-params of version 2 and 3 (pr-gconf): read strictly, written as X-Road's central server does. */

import type { XmlElement } from '#core/xml/element.ts'
import { Fault } from '#schemas/fault.ts'
import type { PrivateParameters } from '#schemas/global-configuration.ts'
import { anchorLines, readAnchorFields } from './anchor.ts'
import { certificateDer } from './certificate-bytes.ts'
import { clientIdLines, codeOf, readClientId } from './xml-identifier.ts'
import { integerOf, sequenceOf } from './xml-reader.ts'
import { parseXml } from './xml-tree.ts'
import { branch, document, leaf, XROAD_NAMESPACE } from './xml-write.ts'

const CODE = 'malformed_global_conf'
// X-Road clamps to this range when it uses the value (LogManager), so a larger value has no meaning.
const MAX_INTERVAL_SECONDS = 31_536_000

/** Parses and checks a private-params document; throws `malformed_global_conf` for any mistake. */
export async function parsePrivateParameters(xml: Buffer): Promise<PrivateParameters> {
  const root = await parseXml(xml, CODE)
  if (root.name !== 'conf' || root.namespace !== XROAD_NAMESPACE) {
    throw new Fault(CODE, { what: 'the root element is not X-Road conf' })
  }
  const conf = sequenceOf(root, CODE)
  const instance = codeOf(conf.text('instanceIdentifier'), CODE)
  const anchors = conf.many('configurationAnchor', (element) => readAnchorFields(element, CODE))
  if (new Set(anchors.map((anchor) => anchor.instance)).size !== anchors.length) {
    throw new Fault(CODE, { what: 'two anchors name one instance' })
  }
  const managementService = readManagementService(conf.maybe('managementService'))
  const interval = conf.one('timeStampingIntervalSeconds')
  return {
    instance,
    anchors,
    managementService,
    timeStampingIntervalSeconds: integerOf(interval, CODE, 0, MAX_INTERVAL_SECONDS),
  }
}

function readManagementService(element: XmlElement | undefined): PrivateParameters['managementService'] {
  if (element === undefined) return undefined
  const fields = sequenceOf(element, CODE)
  const authCertRegServiceAddress = fields.text('authCertRegServiceAddress')
  const certificate = fields.maybeBase64('authCertRegServiceCert')
  const provider = fields.maybe('managementRequestServiceProviderId')
  fields.end()
  return {
    authCertRegServiceAddress,
    authCertRegServiceCert: certificate === undefined ? undefined : certificateDer(certificate, CODE),
    providerId: provider === undefined ? undefined : readClientId(provider, CODE),
  }
}

/** Writes private-params of version 3; version 2 has the same bytes. */
export function writePrivateParameters(p: PrivateParameters): Buffer {
  const service = p.managementService
  return document('conf', [
    ...leaf('instanceIdentifier', p.instance),
    ...p.anchors.flatMap((anchor) => branch('configurationAnchor', anchorLines(anchor))),
    ...(service === undefined
      ? []
      : branch('managementService', [
          ...leaf('authCertRegServiceAddress', service.authCertRegServiceAddress),
          ...leaf('authCertRegServiceCert', service.authCertRegServiceCert),
          ...(service.providerId === undefined
            ? []
            : clientIdLines('managementRequestServiceProviderId', service.providerId)),
        ])),
    ...leaf('timeStampingIntervalSeconds', p.timeStampingIntervalSeconds),
  ])
}
