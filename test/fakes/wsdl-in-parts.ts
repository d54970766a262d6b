/**
 * A WSDL as WCF, CXF and Metro publish it: the binding here, the port type there, each schema at an address
 * of its own.
 */

const OF_SERVICE = 'http://population.example'
const XS = 'http://www.w3.org/2001/XMLSchema'
const WSDL = 'http://schemas.xmlsoap.org/wsdl/'

/** The document. It has the operation lookUp, of a code of eleven digits, at the address `system`. */
export function wsdlInParts(at: string, system: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<!-- for people -->
<definitions xmlns="${WSDL}" xmlns:i0="${OF_SERVICE}/wsdl" xmlns:tns="urn:service" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="urn:service">
  <import namespace="${OF_SERVICE}/wsdl" location="${at}?wsdl=port&amp;part=1"/>
  <types/>
  <binding name="b" type="i0:port"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="lookUp"><soap:operation soapAction=""/><input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation></binding>
  <service name="s"><port name="p" binding="tns:b"><soap:address location="${system}"/></port></service>
</definitions>`
}

/**
 * What it imports and includes, by address: in circles, relative and absolute, one without a namespace of its
 * own.
 */
export function partsOfWsdl(at: string): Record<string, string> {
  return {
    [`${at}?wsdl=port&part=1`]: `<w:definitions xmlns:w="${WSDL}" xmlns:xs="${XS}" xmlns:msg='${OF_SERVICE}/wsdl' xmlns:p="${OF_SERVICE}" targetNamespace="${OF_SERVICE}/wsdl">
<w:documentation>Of people</w:documentation>
<w:types><xs:schema targetNamespace="${OF_SERVICE}/imports"><xs:import namespace="${OF_SERVICE}" schemaLocation="?xsd=messages"/></xs:schema></w:types>
<w:message name="in"><w:part name="body" element="p:lookUp"/></w:message>
<w:message name="out"><w:part name="body" element="p:lookUpResponse"/></w:message>
<w:portType name="port"><w:operation name="lookUp"><w:input message="msg:in"/><w:output message="msg:out"/></w:operation></w:portType>
</w:definitions>`,
    [`${at}?xsd=messages`]: `<schema xmlns="${XS}" xmlns:p="${OF_SERVICE}" xmlns:o="urn:codes" targetNamespace="${OF_SERVICE}">
<include schemaLocation='?xsd=shared'/><import namespace="urn:codes" schemaLocation="${at}?xsd=codes"/>
<element name="lookUp" type="p:LookUp"/><element name="lookUpResponse" type="p:LookUp"/>
<complexType name="LookUp"><sequence><element name="code" type="o:Code"/><element name="why" type="p:Why" minOccurs="0"/></sequence></complexType>
</schema>`,
    [`${at}?xsd=codes`]: `<xs:schema xmlns:xs="${XS}" targetNamespace="urn:codes"><xs:import namespace="${OF_SERVICE}" schemaLocation="?xsd=messages"/>
<xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:pattern value="[0-9]{11}"/></xs:restriction></xs:simpleType></xs:schema>`,
    [`${at}?xsd=shared`]: `<xs:schema xmlns:xs="${XS}"><xs:include schemaLocation="?xsd=shared"/>
<xs:simpleType name="Why"><xs:restriction base="Text"><xs:maxLength value="9"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Text"><xs:restriction base="xs:string"/></xs:simpleType></xs:schema>`,
  }
}
