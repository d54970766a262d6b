/**
 * The older form of Estonia's data tracker, in SOAP: the person is the one in the header, and the answer has
 * time, action, receiver.
 */
import { normaliseIdentifier } from '#core/subject/identifier.ts'
import { withSoapDocument } from '#core/transport/soap-document.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import { escapeXml } from '#core/xml/escape.ts'
import type { SystemAnswer } from '../../message/message.ts'
import { soapOf } from '../../message/soap.ts'
import type { TrackerRequest } from '../../peer/inbox.ts'
import { findUsage, MOST_INT32 } from './find-usage.ts'
import type { AskedTracker } from './question-for.ts'
import { personOf, refused } from './read-question.ts'
import type { TrackerRooms } from './rooms.ts'

const NAMESPACE = 'http://dumonitor.x-road.eu/producer'
const TYPE = 'text/xml; charset=UTF-8'
const PAGE = { offset: 0, limit: 1000 }
const DIGITS = /^[0-9]{1,10}$/

/** The description of the service, as getWsdl gives it. */
export const FIND_USAGE_WSDL = `<?xml version="1.0" encoding="UTF-8"?>
<wsdl:definitions name="dumonitor" targetNamespace="${NAMESPACE}" xmlns:tns="${NAMESPACE}"
  xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xrd="http://x-road.eu/xsd/xroad.xsd">
  <wsdl:types>
    <xs:schema targetNamespace="${NAMESPACE}" elementFormDefault="qualified">
      <xs:element name="findUsage"><xs:complexType><xs:sequence>
        <xs:element name="offset" type="xs:int" minOccurs="0"/><xs:element name="limit" type="xs:int" minOccurs="0"/>
      </xs:sequence></xs:complexType></xs:element>
      <xs:element name="findUsageResponse"><xs:complexType><xs:sequence>
        <xs:element name="usage" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>
          <xs:element name="logtime" type="xs:dateTime"/><xs:element name="action" type="xs:string" minOccurs="0"/>
          <xs:element name="receiver" type="xs:string" minOccurs="0"/>
        </xs:sequence></xs:complexType></xs:element>
      </xs:sequence></xs:complexType></xs:element>
    </xs:schema>
  </wsdl:types>
  <wsdl:message name="findUsage"><wsdl:part name="body" element="tns:findUsage"/></wsdl:message>
  <wsdl:message name="findUsageResponse"><wsdl:part name="body" element="tns:findUsageResponse"/></wsdl:message>
  <wsdl:portType name="dumonitorPort">
    <wsdl:operation name="findUsage">
      <wsdl:input message="tns:findUsage"/><wsdl:output message="tns:findUsageResponse"/>
    </wsdl:operation>
  </wsdl:portType>
  <wsdl:binding name="dumonitorBinding" type="tns:dumonitorPort">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="findUsage">
      <soap:operation soapAction="" style="document"/><xrd:version>v1</xrd:version>
      <wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output>
    </wsdl:operation>
  </wsdl:binding>
  <wsdl:service name="dumonitorService">
    <wsdl:port name="dumonitorPort" binding="tns:dumonitorBinding"><soap:address location="http://localhost"/></wsdl:port>
  </wsdl:service>
</wsdl:definitions>
`

/** Throws `invalid_request`, which becomes the fault of the exchange. */
export async function answerSoap(
  asked: AskedTracker,
  { request, message }: TrackerRequest,
  rooms: TrackerRooms,
): Promise<SystemAnswer> {
  const page = await pageIn(message)
  const { userId } = request.actors
  const person = personOf(
    rooms.settings.countryPrefix + withoutPrefix(userId ?? '', rooms),
    { userId, represented: undefined },
    rooms.settings,
  )
  const { usages } = await findUsage(asked, { ...person, period: {} }, page, rooms)
  const rows = usages.map(
    ({ logtime, action, receiverCode }) =>
      `<dum:usage><dum:logtime>${escapeXml(logtime)}</dum:logtime><dum:action>${escapeXml(action)}</dum:action>` +
      `<dum:receiver>${escapeXml(receiverCode)}</dum:receiver></dum:usage>`,
  )
  const response = `<dum:findUsageResponse xmlns:dum="${NAMESPACE}">${rows.join('')}</dum:findUsageResponse>`
  const document = writeSoap(soapOf(request), response)
  return {
    ...{ status: 200, reason: 'OK', headers: [['Content-Type', TYPE]], body: undefined },
    message: { contentType: TYPE, headers: [], bytes: Buffer.from(document) },
  }
}

/** The header has codes with and without the country's prefix. */
function withoutPrefix(userId: string, { settings }: TrackerRooms): string {
  const whole = normaliseIdentifier(userId) ?? ''
  return whole.startsWith(settings.countryPrefix) ? whole.slice(settings.countryPrefix.length) : whole
}

function pageIn(message: Buffer): Promise<{ offset: number; limit: number }> {
  return withSoapDocument(message, (root) => {
    const body = root.children().find(({ name }) => name === 'Body')
    const [wrapper] = body?.children() ?? []
    if (wrapper?.namespace !== NAMESPACE) throw refused(`findUsage is an element of ${NAMESPACE}`)
    const numberOf = (name: 'offset' | 'limit'): number => {
      const [one, ...others] = wrapper.children().filter((child) => child.name === name)
      const text = one?.text().trim() ?? ''
      if (one === undefined) return PAGE[name]
      if (others.length > 0 || !DIGITS.test(text) || Number(text) > MOST_INT32)
        throw refused(`${name} is 0 to ${MOST_INT32}`)
      return Number(text)
    }
    return { offset: numberOf('offset'), limit: numberOf('limit') }
  })
}
