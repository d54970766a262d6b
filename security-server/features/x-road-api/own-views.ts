/** What our own operations answer, as far as X-Road's answers are made of it. */

import type { Time } from '#schemas/sent-values.ts'
import type { CertificateInfo, KeyInfo, TokenInfo } from '../../keys/keys.ts'
import type { ClientStatus } from '../../local-systems/client-status.ts'

export type OwnCertificate = CertificateInfo & { memberId?: string }
export type OwnKey = Omit<KeyInfo, 'requests' | 'certificates'> & {
  requests: { id: string; createdAt: string; memberId?: string }[]
  certificates: OwnCertificate[]
}
export type OwnToken = Omit<TokenInfo, 'keys'> & { keys: OwnKey[] }

export type OwnClient = {
  id: string
  memberName?: string | undefined
  subsystemName?: string | undefined
  status: ClientStatus
  connectionType: string
}

type OwnEndpoint = { id: number; method: string; path: string; base: boolean; generated: boolean }

export type OwnRight = {
  id: number
  subjectType: string
  subjectId: string
  endpointId: number
  wholeService: boolean
  createdAt: Time
}

export type OwnService = {
  id: number
  fullServiceId: string
  serviceCode: string
  serviceVersion?: string
  url: string
  timeoutMs: number
  verifyTls: boolean
  endpoints: OwnEndpoint[]
  accessRights: OwnRight[]
}

export type OwnDescription = {
  id: number
  clientId: string
  type: 'REST' | 'OPENAPI' | 'WSDL'
  url: string
  disabled: boolean
  disabledNotice: string
  updatedAt: Time
  services: OwnService[]
}

export type OwnGroup = { id: number; clientId: string; code: string; description: string; members: string[] }
