/**
 * The cases of X-Road's SOAP suite (proxy-core, testsuite/testcases) that bytes can make: what a client's
 * system, a provider's system or a security server sends, the code that X-Road answers with, and ours where
 * docs/divergences.md names the difference.
 */

/**
 * What is common to the cases; files are those of test/vectors/x-road/soap, content types those of X-Road's
 * classes.
 */
type Outcome = {
  /** X-Road's code, whole; absent: carried out. */
  fault?: string
  /**
   * The whole code of ours where it is not the same; codes nested behind `service_failed` are X-Road's alone.
   */
  ours?: string
}

export type SystemCase = Outcome & {
  query: string
  type?: string
  /** What the client's system sends as SOAPAction. */
  action?: string
  method?: string
  /** The client stays who the file says. */
  keep?: boolean
  /** Another boundary than the file's. */
  boundary?: string
  /** Another service than the file's. */
  service?: string
  /** The member and subsystem of a provider that no server serves. */
  nowhere?: true
  /** The provider's system: its file, content type and status; absent: an empty answer. */
  answer?: string
  answerType?: string
  status?: number
  /** The provider's system closes the connection in the midst of its answer. */
  aborts?: true
  /** X-Road's file lacks the end of its multipart, which its reader does not miss: it is put on. */
  closes?: true
  /** What the provider's system must have received. */
  receives?: RegExp
}

const BOUNDARY = 'boundary=jetty771207119h3h10dty'
const RELATED = `multipart/related; charset=UTF-8; ${BOUNDARY}`
const MTOM = `Multipart/Related; start-info="application/soap+xml"; type="application/xop+xml"; boundary="jetty771207119h3h10dty"`
const state = { query: 'getstate.query' }
const answered = { ...state, answer: 'getstate.answer' }
const failed = (nested: string): { fault: string } => ({
  fault: `server.serverproxy.service_failed.${nested}`,
})

export const SYSTEM_CASES: Record<string, SystemCase> = {
  Attachment: {
    query: 'attachm.query',
    type: RELATED,
    answer: 'attachm.answer',
    receives: /^Client-Header: FooBar$/m,
  },
  Attachment2: {
    query: 'attachm2.query',
    type: `multipart/related; ${BOUNDARY}`,
    answer: 'attachm2.answer',
    answerType: RELATED,
  },
  AttachmentFaulty: {
    query: 'attachm-error.query',
    type: RELATED,
    fault: 'client.invalid_content_type',
    ours: 'client.invalid_body',
  },
  AttachmentFaultySoap: {
    query: 'attachm-faulty-soap.query',
    type: RELATED,
    fault: 'client.missing_header_field',
  },
  AttachmentFaultySoapResponse: {
    ...state,
    answer: 'attachm-faulty-soap.query',
    answerType: RELATED,
    ...failed('missing_header_field'),
  },
  AttachmentMTOM: {
    query: 'attachm-mtom.query',
    type: MTOM,
    answer: 'attachm-mtom.answer',
    answerType: `${MTOM};charset=UTF-8`,
  },
  // Its query is not among the vectors: the message of Attachment with its content type and boundary.
  AttachmentSmallMantis: {
    query: 'attachm.query',
    boundary: ':gkMa5KAvuHP7ahe9IQHONLgnncvv:',
    type: "multipart/related; start-info=text/xml; type='application/xop+xml'; boundary=:gkMa5KAvuHP7ahe9IQHONLgnncvv:",
    answer: 'attachm.answer',
  },
  AttachmentNoSoap: { query: 'attachm-no-soap.query', type: RELATED, fault: 'client.invalid_content_type' },
  AttachmentNoSoapResponse: {
    ...state,
    answer: 'attachm-no-soap.query',
    answerType: RELATED,
    ...failed('invalid_content_type'),
  },
  CDATAMessage: { query: 'cdata.query', answer: 'cdata.answer', receives: /<!\[CDATA\[<a><b><c>12345678</ },
  CommentMessage: { query: 'simple.query', answer: 'simple-comment.answer' },
  DefaultNamespaceMessage: { query: 'getstate-defaultnamespace.query', answer: 'getstate.answer' },
  EmptyMultipartRequest: { query: 'empty.query', type: RELATED, fault: 'client.missing_soap' },
  EmptyMultipartResponse: {
    ...state,
    answer: 'empty.query',
    answerType: RELATED,
    ...failed('invalid_message'),
  },
  EmptyQuery: { query: 'empty.query', fault: 'client.invalid_soap' },
  EmptyResponse: { ...state, answer: 'empty.query', ...failed('invalid_soap') },
  FaultyHeader: { query: 'faulty-header2.query', fault: 'client.duplicate_header_field' },
  FaultyHeaderResponse: { ...state, answer: 'faulty-header.query', ...failed('missing_header_field') },
  FaultyRequestContentType: { ...state, type: 'blah', fault: 'client.invalid_content_type' },
  FaultyResponseContentType: { ...answered, answerType: 'blah', ...failed('invalid_content_type') },
  InvalidProviderAddress3: {
    query: 'attachm.query',
    type: RELATED,
    nowhere: true,
    fault: 'server.clientproxy.unknown_member',
    ours: 'client.unknown_server',
  },
  InvalidServiceAddress: { ...state, service: 'elsewhere', ...failed('unknown_host') },
  InvalidServiceAddress2: {
    query: 'attachm.query',
    type: RELATED,
    service: 'elsewhere',
    ...failed('unknown_host'),
  },
  MalformedBody1: { query: 'malformed-body1.query', fault: 'client.invalid_body' },
  MalformedBody2: { query: 'malformed-body2.query', fault: 'client.invalid_body' },
  MalformedBody3: { query: 'malformed-body3.query', fault: 'client.inconsistent_headers' },
  MalformedBodyResponse: { ...state, answer: 'malformed-body2.query', ...failed('invalid_body') },
  MalformedProtocolVersionHeader: {
    query: 'malformed-protocolVersion.query',
    fault: 'client.invalid_protocol_version',
  },
  MimeSoap: { query: 'mimesoap.query', type: RELATED, answer: 'mimesoap.answer', answerType: RELATED },
  MissingBody: { query: 'missing-body.query', fault: 'client.missing_body' },
  MissingBodyResponse: { ...state, answer: 'missing-body.query', ...failed('missing_body') },
  MissingHeader: { query: 'no-header.query', fault: 'client.missing_header' },
  MissingHeaderResponse: { ...state, answer: 'no-header.query', ...failed('missing_header') },
  MissingObjectTypeMessage: {
    query: 'missingobjecttype.query',
    answer: 'getstate.query',
    fault: 'client.invalid_xml',
  },
  MissingOrg: {
    query: 'missing-org.query',
    keep: true,
    fault: 'server.clientproxy.unknown_member',
    ours: 'client.unknown_member',
  },
  MissingProtocolVersionHeader: {
    query: 'missing-protocolVersion.query',
    fault: 'client.missing_header_field',
  },
  MissingUserIdHeader: { query: 'missing-userId.query', answer: 'missing-userId.answer' },
  NoWhitespaceMessage: { query: 'nowhitespace.query', answer: 'nowhitespace.answer' },
  NonUtf8ResponseContentType: {
    ...state,
    answer: 'getstate-iso88591.answer',
    answerType: 'text/xml; charset=ISO-8859-1',
    ours: 'server.serverproxy.service_failed',
  },
  NormalMessage: answered,
  NormalSubsystem: { query: 'getstate-subsystem.query', answer: 'getstate-subsystem.answer' },
  NotAllowed: { query: 'notAllowed.query', service: 'forbidden', fault: 'server.serverproxy.access_denied' },
  ResponseWithRequestHash: { ...state, answer: 'requesthash.answer' },
  ServerClientInconsistency: {
    query: 'xml.query',
    answer: 'getstate.query',
    fault: 'server.clientproxy.service_failed.inconsistent_response',
    ours: 'server.serverproxy.service_failed',
  },
  ServerProxyAttachmentError: {
    ...state,
    answer: 'attachm-error.query',
    answerType: RELATED,
    ...failed('invalid_content_type'),
  },
  ServerProxyEmptyResponse: {
    query: 'proxyemulator.query',
    answer: 'empty.query',
    ...failed('invalid_soap'),
  },
  ServiceConnectionAborted: { ...state, aborts: true, ...failed('invalid_content_type') },
  ServiceDisabled: { ...state, service: 'resting', fault: 'server.serverproxy.service_disabled' },
  ServiceFaultyFault: {
    ...state,
    answer: 'faulty-fault.answer',
    answerType: 'text/xml',
    fault: 'soap:Server',
  },
  ServiceFaultyMultipart: {
    ...state,
    answer: 'faulty-multipart.query',
    answerType: `multipart/related; ${BOUNDARY}; charset=utf-8`,
    ...failed('invalid_message'),
  },
  ServiceHttpError: { ...state, status: 502, ...failed('http_error') },
  ServiceReturnsFault: {
    ...state,
    answer: 'fault.query',
    answerType: 'text/xml',
    status: 500,
    fault: 'CODE',
  },
  SeveralAttachments: { query: 'attachments.query', type: RELATED, answer: 'attachm.answer' },
  SeveralAttachmentsResponse: {
    query: 'attachments.query',
    type: RELATED,
    answer: 'attachments.answer',
    answerType: RELATED,
  },
  SoapActionEmptyHeader: { ...answered, action: '', receives: /^SOAPAction: $/im },
  SoapActionHeader: { ...answered, action: '""', receives: /^SOAPAction: ""$/im },
  SoapActionMalformedHeader: {
    ...answered,
    action: 'http://example.org/action',
    fault: 'client.invalid_soap_action',
  },
  SoapFaultInMultipartResponse: {
    query: 'soapfault-mtom.query',
    type: MTOM,
    answer: 'soapfault-mtom.answer',
    answerType: `${MTOM};charset=UTF-8`,
    closes: true,
    fault: 'soap:Server',
  },
  SoapFaultToClientProxy: { query: 'fault.query', fault: 'client.code', ours: 'client.invalid_soap' },
  SplitHeaderMessage: { query: 'split-header.query', answer: 'split-header.answer' },
  UnknownService: { ...state, service: 'nobodyKnows', fault: 'server.serverproxy.unknown_service' },
  Utf8BomAttachment2: {
    query: 'attachm2-utf8bom-inside.query',
    type: `multipart/related; ${BOUNDARY}`,
    answer: 'attachm2-utf8bom-inside.answer',
    answerType: RELATED,
  },
  Utf8BomNormalSubsystem: { query: 'getstate-subsystem.query', answer: 'getstate-subsystem.answer' },
  WrongHttpMethod: {
    ...state,
    method: 'GET',
    fault: 'client.invalid_http_method',
    ours: 'client.not_found',
  },
  WrongProtocolVersionHeader: {
    query: 'wrong-protocolVersion.query',
    fault: 'client.invalid_protocol_version',
  },
  XmlEncodedMessage: { query: 'xmlencoded.query', answer: 'xmlencoded.answer' },
}

/**
 * What a security server sends to ours: to the port where messages come in. Without OCSP responses none of it
 * is believed.
 */
type ConsumerCase = Outcome & { file: string; type: string; method?: string }

export const CONSUMER_CASES: Record<string, ConsumerCase> = {
  InvalidContentTypeFromClientProxy: {
    file: 'getstate.query',
    type: 'text/xml; charset=UTF-8',
    fault: 'server.serverproxy.service_failed.invalid_content_type',
    ours: 'server.serverproxy.invalid_content_type',
  },
  NoSignatureToServerProxy: {
    file: 'no-signature.query',
    type: 'multipart/mixed; boundary=jetty42534330h7vzfqv2;charset=ISO-8859-1',
    fault: 'server.serverproxy.missing_signature',
    ours: 'server.serverproxy.incorrect_validation_info',
  },
  NoSoapToServerProxy: {
    file: 'no-soap.query',
    type: `multipart/mixed; charset=UTF-8; ${BOUNDARY}`,
    fault: 'server.serverproxy.service_failed.invalid_soap',
    ours: 'server.serverproxy.mime_parsing_failed',
  },
  ServerProxyProcessingError: {
    file: 'getstate.query',
    type: 'multipart/mixed; boundary=foobar',
    fault: 'server.serverproxy.missing_soap',
    ours: 'server.serverproxy.mime_parsing_failed',
  },
  UnsignedMessageFromClientProxy: {
    file: 'attachm.query',
    type: `multipart/mixed; charset=UTF-8; ${BOUNDARY}`,
    fault: 'server.serverproxy.missing_signature',
    ours: 'server.serverproxy.incorrect_validation_info',
  },
  WrongHttpMethodServerProxy: {
    file: 'getstate.query',
    type: 'text/xml',
    method: 'GET',
    fault: 'server.serverproxy.invalid_http_method',
  },
}

/** What the security server of a provider answers ours. */
export type ProviderCase = Outcome & {
  file?: string
  type?: string
  status?: number
  /** It closes the connection: at once, after a head that promises more, or does not listen. */
  closes?: 'at once' | 'after the head' | 'always'
}

const peerFailed = (nested: string): { fault: string } => ({
  fault: `server.clientproxy.service_failed.${nested}`,
})

export const PROVIDER_CASES: Record<string, ProviderCase> = {
  InvalidContentTypeFromServerProxy: {
    file: 'getstate.query',
    type: 'oih',
    ...peerFailed('invalid_content_type'),
    ours: 'server.clientproxy.http_error',
  },
  ServerProxyConnectionAborted: {
    closes: 'at once',
    fault: 'server.clientproxy.network_error',
    ours: 'server.clientproxy.connection_lost',
  },
  ServerProxyConnectionAborted2: {
    closes: 'after the head',
    type: 'text/xml',
    ...peerFailed('io_error'),
    ours: 'server.clientproxy.connection_lost',
  },
  ServerProxyConnectionAborted3: {
    closes: 'after the head',
    type: 'multipart/mixed; boundary=foobar',
    ...peerFailed('io_error'),
    ours: 'server.clientproxy.connection_lost',
  },
  ServerProxyEmptyFault: {
    file: 'empty.query',
    type: 'text/xml; charset=UTF-8',
    ...peerFailed('invalid_soap'),
    ours: 'server.clientproxy.invalid_message',
  },
  ServerProxyFaultyAttachment: {
    file: 'attachm-error.query',
    type: `multipart/mixed; charset=UTF-8; ${BOUNDARY}`,
    ...peerFailed('invalid_content_type'),
    ours: 'server.clientproxy.invalid_message',
  },
  ServerProxyHttpError: { status: 502, fault: 'server.clientproxy.http_error' },
  ServerProxyInvalidFault: {
    file: 'getstate.query',
    type: 'text/xml; charset="UTF-8"; boundary=foobar',
    ...peerFailed('invalid_message'),
    ours: 'server.clientproxy.invalid_message',
  },
  ServerProxyMissingBody: {
    file: 'missing-body.query',
    type: `text/xml; ${BOUNDARY}`,
    ...peerFailed('missing_body'),
    ours: 'server.clientproxy.invalid_message',
  },
  ServerProxyNoBoundary: {
    type: 'multipart/mixed',
    ...peerFailed('invalid_content_type'),
    ours: 'server.clientproxy.mime_parsing_failed',
  },
  UnsignedMessageFromServerProxy: {
    file: 'no-signature.query',
    type: 'multipart/mixed; charset=UTF-8; boundary=jetty42534330h7vzfqv2',
    fault: 'server.clientproxy.missing_signature',
  },
  serverProxyConnectionRefused: { closes: 'always', fault: 'server.clientproxy.network_error' },
}
