/**
 * X-Road's roles of a security server, one for people who are mandated to agree to contracts, and three for auditors: who may see
 * that messages were, who may read them, and who may see those under secret contracts. Which operation needs which stands in the API's file.
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
