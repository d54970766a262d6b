/**
 * The WSDL document of the population register. It declares X-Road's header fields with its own schemas of
 * them, since SOAP clients such as zeep send only what the binding declares, and ask no other host for it.
 */

export const POPULATION = 'http://population.example'

const text = (name: string, more = ''): string => `<xs:element name="${name}" type="xs:string"${more}/>`
const codes = (names: string[]): string => names.map((name) => text(name, ' minOccurs="0"')).join('')
const CLIENT = ['xRoadInstance', 'memberClass', 'memberCode', 'subsystemCode']
const PERSON = ['code', 'givenName', 'familyName', 'born', 'residence', 'status']

const identifier = (name: string, names: string[]): string =>
  `<xs:complexType name="${name}"><xs:sequence>${codes(names)}</xs:sequence><xs:attribute ref="id:objectType" use="required"/></xs:complexType>`

const IDENTIFIERS = `<xs:schema targetNamespace="http://x-road.eu/xsd/identifiers" elementFormDefault="qualified">
    <xs:attribute name="objectType" type="xs:string"/>
    ${identifier('client', CLIENT)}
    ${identifier('service', [...CLIENT, 'serviceCode', 'serviceVersion'])}
  </xs:schema>`

/** Optional ones may be left out by the caller. */
const FIELDS = ['client', 'service', 'userId', 'id', 'issue', 'protocolVersion']

const HEADERS = `<xs:schema targetNamespace="http://x-road.eu/xsd/xroad.xsd" elementFormDefault="qualified">
    <xs:import namespace="http://x-road.eu/xsd/identifiers"/>
    <xs:element name="client" type="id:client"/><xs:element name="service" type="id:service"/>
    ${FIELDS.slice(2)
      .map((name) => text(name))
      .join('')}
  </xs:schema>`

const headers = FIELDS.map((name) => `<soap:header message="p:header" part="${name}" use="literal"/>`).join(
  '',
)

export const POPULATION_WSDL = `<?xml version="1.0" encoding="UTF-8"?>
<wsdl:definitions name="population" targetNamespace="${POPULATION}" xmlns:p="${POPULATION}"
  xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:xrd="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers" xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <wsdl:types>${IDENTIFIERS}
  ${HEADERS}
  <xs:schema targetNamespace="${POPULATION}">
    <xs:element name="getPerson"><xs:complexType><xs:sequence>${text('code')}</xs:sequence></xs:complexType></xs:element>
    <xs:element name="getPersonResponse"><xs:complexType><xs:sequence>
      <xs:element name="person"><xs:complexType><xs:sequence>${codes(PERSON)}</xs:sequence></xs:complexType></xs:element>
    </xs:sequence></xs:complexType></xs:element>
  </xs:schema></wsdl:types>
  <wsdl:message name="header">${FIELDS.map((name) => `<wsdl:part name="${name}" element="xrd:${name}"/>`).join('')}</wsdl:message>
  <wsdl:message name="getPerson"><wsdl:part name="body" element="p:getPerson"/></wsdl:message>
  <wsdl:message name="getPersonResponse"><wsdl:part name="body" element="p:getPersonResponse"/></wsdl:message>
  <wsdl:portType name="population"><wsdl:operation name="getPerson">
    <wsdl:input message="p:getPerson"/><wsdl:output message="p:getPersonResponse"/>
  </wsdl:operation></wsdl:portType>
  <wsdl:binding name="population" type="p:population">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="getPerson"><soap:operation soapAction=""/><xrd:version>v1</xrd:version>
      <wsdl:input><soap:body use="literal"/>${headers}</wsdl:input>
      <wsdl:output><soap:body use="literal"/>${headers}</wsdl:output>
    </wsdl:operation>
  </wsdl:binding>
  <wsdl:service name="population"><wsdl:port name="population" binding="p:population">
    <soap:address location="http://localhost/soap"/>
  </wsdl:port></wsdl:service>
</wsdl:definitions>
`
