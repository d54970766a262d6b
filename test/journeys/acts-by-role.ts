/** What the pages of a registry offer to each role, and which of them are for some roles alone. */
/** The acts that a page offers to each role. A role that is not named must not see any other act. */
export const ACTS: Record<string, Record<string, string[]>> = {
  '/members': { XROAD_REGISTRATION_OFFICER: ['Admit a member'] },
  '/members/DEV:GOV:1234': {
    XROAD_REGISTRATION_OFFICER: [
      ...['Rename', 'Delete', 'Add a subsystem', 'Change the addresses', 'Set a webhook'],
    ],
    XROAD_SECURITY_OFFICER: ['Suspend'],
  },
  '/contracts': {},
  '/suspensions': { XROAD_SECURITY_OFFICER: ['Suspend at once', 'Confirm', 'Lift'] },
  '/subsystems/DEV:GOV:1234:plain': {
    XROAD_REGISTRATION_OFFICER: ['Delete'],
    XROAD_SECURITY_OFFICER: ['Suspend'],
  },
  '/security-servers/DEV:GOV:1234:SS1': {
    XROAD_REGISTRATION_OFFICER: [
      ...['Change address', 'Delete', 'Add a certificate', 'Register a client', 'Remove'],
    ],
    XROAD_SECURITY_OFFICER: ['Confirm', 'Lift'],
  },
  '/global-groups/owners': {
    XROAD_REGISTRATION_OFFICER: ['Describe anew', 'Delete', 'Add to the group', 'Remove'],
  },
  '/trust-services': {
    XROAD_SECURITY_OFFICER: [
      ...['Approve a certification service', 'Approve a time-stamping service', 'Add a profile'],
      ...['Add an intermediate CA', 'Set the ACME server', 'Withdraw', 'Withdraw this CA', 'Withdraw'],
      ...Array<string>(8).fill('Begin a new one with it'), // one for each built-in profile
    ],
  },
  '/configuration': {
    XROAD_SECURITY_OFFICER: ['Publish now', 'Make a key', 'Sign with this key', 'Remove the key'],
  },
  '/audit-orders': {
    XROAD_REGISTRATION_OFFICER: ['File an order'],
    XROAD_SECURITY_OFFICER: ['File an order'],
  },
  '/external-anchors': { XROAD_SECURITY_OFFICER: ['Examine an anchor'] },
  '/imports': { XROAD_SECURITY_OFFICER: ['Read an instance'] },
  '/imports/1': {
    XROAD_SECURITY_OFFICER: [
      ...['Carry out', 'Ask the servers for certificates', 'Give a certificate', 'Discard'],
    ],
  },
  '/mail-messages': {
    XROAD_REGISTRATION_OFFICER: ['Send again', 'Forget'],
    XROAD_SYSTEM_ADMINISTRATOR: ['Send again', 'Forget'],
  },
  '/hosting-mandates': {
    XROAD_REGISTRATION_OFFICER: ['Give a mandate'],
    XROAD_SECURITY_OFFICER: ['Require mandates'],
  },
  '/management-requests/automatic': { XROAD_SECURITY_OFFICER: ['Add a rule', 'End'] },
  '/settings': {
    XROAD_REGISTRATION_OFFICER: ['Add a class', 'Describe anew', 'Delete'],
    XROAD_SECURITY_OFFICER: ['Set the limit', 'Set the policy'],
    XROAD_SYSTEM_ADMINISTRATOR: ['Name the provider', 'Name the monitoring client'],
  },
}
/** Pages that only these roles may see. */
export const CLOSED: Record<string, string[]> = {
  '/api-keys': ['XROAD_SYSTEM_ADMINISTRATOR'],
  '/people': ['XROAD_SECURITY_OFFICER', 'XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_AUDITOR'],
  '/proposals': [
    ...['XROAD_REGISTRATION_OFFICER', 'XROAD_SECURITY_OFFICER'],
    ...['XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_AUDITOR'],
  ],
  '/audit-log': ['XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_AUDITOR'],
  '/mail-messages': ['XROAD_REGISTRATION_OFFICER', 'XROAD_SYSTEM_ADMINISTRATOR'],
}
