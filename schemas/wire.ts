/** Names on the wire between clients and servers, in X-Road's spelling (pr-rest, pr-mess, pr-messtransp). */

export const HEADER = {
  client: 'x-road-client',
  service: 'x-road-service',
  id: 'x-road-id',
  userId: 'x-road-userid',
  issue: 'x-road-issue',
  securityServer: 'x-road-security-server',
  representedParty: 'x-road-represented-party',
  requestId: 'x-road-request-id',
  requestHash: 'x-road-request-hash',
  error: 'x-road-error',
  hashAlgorithm: 'x-hash-algorithm',
  proxyVersion: 'x-proxy-version',
  originalContentType: 'x-original-content-type',
  messageType: 'x-road-message-type',
  originalSoapAction: 'x-original-soapaction',
  /** Ours: the reference of the preview that the person has released for this call. */
  preview: 'preview-reference',
  /** Ours: the newest signed tree head of the answering server's log, base64 of a C2SP checkpoint. */
  treeHead: 'x-concordat-tree-head',
  /**
   * Ours: the answering side's signature over its fault, base64 of a signatures.xml. It makes a refusal
   * provable.
   */
  refusal: 'x-concordat-refusal',
  /** Ours: the index of the newest configuration that the sender knows. */
  configurationIndex: 'x-concordat-configuration-index',
  /**
   * Ours: the registry's signed log head under that configuration. Two contradicting heads prove that the
   * registry forked its log.
   */
  configurationHead: 'x-concordat-configuration-head',
} as const

/** Removed when a message enters; a fault when found inside a signed message (X-Road RestMessage). */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
  'connection',
  'user-agent',
  'host',
  'content-length',
  'server',
  'expect',
])

export const PART_TYPE = {
  ocsp: 'application/ocsp-response',
  restRequest: 'application/x-road-rest-request',
  restResponse: 'application/x-road-rest-response',
  restBody: 'application/x-road-rest-body',
  hashChainResult: 'application/hash-chain-result',
  hashChain: 'application/hash-chain',
  signature: 'signature/bdoc-1.0/ts',
  fault: 'text/xml',
} as const

export const REST_METHODS: ReadonlySet<string> = new Set([
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'TRACE',
])

/** The names of message parts in a signature and in a container. */
export const PART_NAME = {
  message: '/message.xml',
  attachment: (number: number): string => `/attachment${number}`,
  signatures: '/META-INF/signatures.xml',
  hashChainResult: '/sig-hashchainresult.xml',
  hashChain: '/sig-hashchain.xml',
  timestampHashChainResult: '/ts-hashchainresult.xml',
  timestampHashChain: '/ts-hashchain.xml',
} as const

export const DIGEST_URI = {
  'SHA-1': 'http://www.w3.org/2000/09/xmldsig#sha1',
  'SHA-224': 'http://www.w3.org/2001/04/xmldsig-more#sha224',
  'SHA-256': 'http://www.w3.org/2001/04/xmlenc#sha256',
  'SHA-384': 'http://www.w3.org/2001/04/xmldsig-more#sha384',
  'SHA-512': 'http://www.w3.org/2001/04/xmlenc#sha512',
} as const

export type DigestName = keyof typeof DIGEST_URI

/** The version that we send to peers: X-Road servers refuse a missing or old one. */
export const PROXY_VERSION = '7.8.1'

/** X-Road's fixed ports between servers. */
export const PORT = { messages: 5500, ocsp: 5577 } as const
