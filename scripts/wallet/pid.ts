/**
 * What the wallet for trying holds: the person identification data of the EU, in both forms, with the claim
 * that has the person's code.
 */
export const PID = {
  sdJwt: 'urn:eudi:pid:1',
  mdoc: 'eu.europa.ec.eudi.pid.1',
  code: 'personal_administrative_number',
  /** In the SD-JWT VC, with one member for each age; the mobile document has an element for each. */
  ageOver: 'age_equal_or_over',
  ofAge: '18',
}
