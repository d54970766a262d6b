/**
 * X-Road's roles of a security server, a role for people who may agree to contracts, and three for auditors:
 * to see that messages were exchanged, to read their content, and to see those under secret contracts. The
 * API's file says which operation needs which role.
 */
export const ROLES = [
  'XROAD_SECURITY_OFFICER',
  'XROAD_REGISTRATION_OFFICER',
  'XROAD_SERVICE_ADMINISTRATOR',
  'XROAD_SYSTEM_ADMINISTRATOR',
  'XROAD_CONTRACT_SIGNATORY',
  'XROAD_SECURITYSERVER_OBSERVER',
  'XROAD_AUDITOR',
  'XROAD_CONTENT_AUDITOR',
  'XROAD_SECRECY_AUDITOR',
] as const
