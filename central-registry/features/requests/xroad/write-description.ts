/**
 * Writes the WSDL description of the management services, from the same table by which their requests are
 * read; pure. The operator of the management security server adds it as the description of the provider's
 * services, as with X-Road's central server.
 */
import {
  branch,
  IDENTIFIERS_NAMESPACE,
  indented,
  type Lines,
  XROAD_NAMESPACE,
} from '#core/configuration/xml-write.ts'
import { REQUEST_KINDS, type RequestKind } from '#schemas/management-request.ts'
import { FIELDS } from './soap.ts'

const WSDL = 'http://schemas.xmlsoap.org/wsdl/'
const SOAP = 'http://schemas.xmlsoap.org/wsdl/soap/'
const SCHEMA = 'http://www.w3.org/2001/XMLSchema'
/** The name that X-Road's description of these services has. */
const SERVICES = 'http://x-road.eu/centralservice/'

/**
 * Everything but authCertReg, with which a server asks to be let in and which comes to the registry itself.
 */
const KINDS = REQUEST_KINDS.filter((kind) => kind !== 'authCertReg')
const REQUEST_HEADERS = ['client', 'service', 'id', 'protocolVersion']
const RESPONSE_HEADERS = [...REQUEST_HEADERS, 'requestHash']

const TYPES: Record<string, string> = {
  ...{ server: 'id:ServerType', client: 'id:ClientType', service: 'id:ServiceType' },
  ...{ authCert: 'xsd:base64Binary', requestId: 'xsd:integer' },
}

/** The description with the URL at which the management security server calls this registry. */
export function writeServiceDescription(url: string): Buffer {
  const definitions = branch(
    'wsdl:definitions',
    [
      ...branch('wsdl:types', [...identifierSchema(), ...requestSchema()]),
      ...message(
        'requestheader',
        RESPONSE_HEADERS.map((name) => [name, name]),
      ),
      ...KINDS.flatMap((kind) =>
        [kind, `${kind}Response`].flatMap((name) => message(name, [['parameters', name]])),
      ),
      ...branch(
        'wsdl:portType',
        KINDS.flatMap((kind) => operation(kind, inAndOut(kind))),
        { name: 'centralservice' },
      ),
      ...branch(
        'wsdl:binding',
        [
          ...branch('soap:binding', [], {
            style: 'document',
            transport: 'http://schemas.xmlsoap.org/soap/http',
          }),
          ...KINDS.flatMap((kind) =>
            operation(kind, [...branch('soap:operation', [], { soapAction: '' }), ...BODIES]),
          ),
        ],
        { name: 'centralserviceSOAP', type: 'tns:centralservice' },
      ),
      ...branch(
        'wsdl:service',
        branch('wsdl:port', branch('soap:address', [], { location: url }), {
          ...{ name: 'centralserviceSOAP', binding: 'tns:centralserviceSOAP' },
        }),
        { name: 'centralservice' },
      ),
    ],
    {
      ...{ 'xmlns:wsdl': WSDL, 'xmlns:soap': SOAP, 'xmlns:xsd': SCHEMA, 'xmlns:xroad': XROAD_NAMESPACE },
      ...{ 'xmlns:tns': SERVICES, name: 'centralservice', targetNamespace: SERVICES },
    },
  )
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${indented(definitions)}`)
}

function identifierSchema(): Lines {
  const type = (name: string, parts: string[]): Lines =>
    branch(
      'xsd:complexType',
      [
        ...branch(
          'xsd:sequence',
          parts.flatMap((part) => element(part, 'xsd:string')),
        ),
        ...branch('xsd:attribute', [], { ref: 'id:objectType', use: 'required' }),
      ],
      { name },
    )
  const member = ['xRoadInstance', 'memberClass', 'memberCode']
  return schema(IDENTIFIERS_NAMESPACE, [
    ...branch('xsd:attribute', [], { name: 'objectType', type: 'xsd:string' }),
    ...type('ClientType', [...member, 'subsystemCode?']),
    ...type('ServerType', [...member, 'serverCode']),
    ...type('ServiceType', [...member, 'subsystemCode?', 'serviceCode', 'serviceVersion?']),
  ])
}

function requestSchema(): Lines {
  return schema(XROAD_NAMESPACE, [
    ...branch('xsd:import', [], { namespace: IDENTIFIERS_NAMESPACE }),
    ...RESPONSE_HEADERS.flatMap((name) => element(name, TYPES[name] ?? 'xsd:string')),
    ...KINDS.flatMap((kind) => {
      const fields = ['server', ...FIELDS[kind]]
      return [...body(kind, fields), ...body(`${kind}Response`, [...fields, 'requestId?'])]
    }),
  ])
}

function schema(targetNamespace: string, children: Lines): Lines {
  return branch('xsd:schema', children, {
    ...{ targetNamespace, elementFormDefault: 'qualified', 'xmlns:id': IDENTIFIERS_NAMESPACE },
  })
}

function body(name: string, fields: string[]): Lines {
  const elements = fields.flatMap((field) => element(field, TYPES[field.replace('?', '')] ?? 'xsd:string'))
  return branch('xsd:element', branch('xsd:complexType', branch('xsd:sequence', elements)), { name })
}

/** A question mark behind the name marks an optional element. */
function element(field: string, type: string): Lines {
  const name = field.replace('?', '')
  return branch('xsd:element', [], { name, type, ...(name === field ? {} : { minOccurs: '0' }) })
}

function message(name: string, parts: [name: string, element: string][]): Lines {
  const children = parts.flatMap(([part, of]) =>
    branch('wsdl:part', [], { name: part, element: `xroad:${of}` }),
  )
  return branch('wsdl:message', children, { name })
}

function operation(kind: RequestKind, children: Lines): Lines {
  return branch('wsdl:operation', children, { name: kind })
}

function inAndOut(kind: RequestKind): Lines {
  return [
    ...branch('wsdl:input', [], { message: `tns:${kind}` }),
    ...branch('wsdl:output', [], { message: `tns:${kind}Response` }),
  ]
}

const literal = (headers: string[]): Lines => [
  ...branch('soap:body', [], { use: 'literal' }),
  ...headers.flatMap((part) =>
    branch('soap:header', [], { message: 'tns:requestheader', part, use: 'literal' }),
  ),
]
const BODIES: Lines = [
  ...branch('wsdl:input', literal(REQUEST_HEADERS)),
  ...branch('wsdl:output', literal(RESPONSE_HEADERS)),
]
