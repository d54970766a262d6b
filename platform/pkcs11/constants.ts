/** Constants of PKCS #11 (OASIS, version 2.40) that this folder uses, with the standard's names. */

/** Attributes with the type of their value: the server encodes each by its type. */
export const ATTRIBUTE = {
  class: { type: 0x0, form: 'ulong' },
  token: { type: 0x1, form: 'boolean' },
  private: { type: 0x2, form: 'boolean' },
  label: { type: 0x3, form: 'bytes' },
  keyType: { type: 0x100, form: 'ulong' },
  id: { type: 0x102, form: 'bytes' },
  sensitive: { type: 0x103, form: 'boolean' },
  sign: { type: 0x108, form: 'boolean' },
  verify: { type: 0x10a, form: 'boolean' },
  modulus: { type: 0x120, form: 'bytes' },
  modulusBits: { type: 0x121, form: 'ulong' },
  publicExponent: { type: 0x122, form: 'bytes' },
  extractable: { type: 0x162, form: 'boolean' },
  neverExtractable: { type: 0x164, form: 'boolean' },
  ecParams: { type: 0x180, form: 'bytes' },
  ecPoint: { type: 0x181, form: 'bytes' },
} as const

export const CLASS = { publicKey: 2, privateKey: 3 } as const
export const KEY_TYPE = { rsa: 0, ec: 3 } as const

export const MECHANISM = {
  rsaKeyPairGen: 0x0,
  rsaPkcs: 0x1,
  rsaPss: 0xd,
  ecKeyPairGen: 0x1040,
  ecdsa: 0x1041,
} as const

/** CKM of a digest and CKG of its mask generation function, for PSS. */
export const PSS_DIGEST = {
  sha256: { hash: 0x250, mgf: 2, length: 32 },
  sha384: { hash: 0x260, mgf: 3, length: 48 },
  sha512: { hash: 0x270, mgf: 4, length: 64 },
} as const

export const USER = 1n
export const SESSION = { serial: 4, readWrite: 2 } as const

/** Flags of CK_TOKEN_INFO. */
export const TOKEN_FLAG = {
  protectedAuthenticationPath: 0x100,
  userPinCountLow: 0x10000,
  userPinFinalTry: 0x20000,
  userPinLocked: 0x40000,
} as const

/** The state of a session in which the user is logged in (CKS_RO_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS). */
export const USER_STATES: ReadonlySet<bigint> = new Set([1n, 3n])

export const RETURN = {
  generalError: 0x5,
  functionFailed: 0x6,
  attributeSensitive: 0x11,
  attributeTypeInvalid: 0x12,
  deviceError: 0x30,
  deviceRemoved: 0x32,
  keyHandleInvalid: 0x60,
  mechanismInvalid: 0x70,
  objectHandleInvalid: 0x82,
  operationActive: 0x90,
  operationNotInitialized: 0x91,
  pinIncorrect: 0xa0,
  pinInvalid: 0xa1,
  pinLenRange: 0xa2,
  pinExpired: 0xa3,
  pinLocked: 0xa4,
  sessionClosed: 0xb0,
  sessionHandleInvalid: 0xb3,
  slotIdInvalid: 0x3,
  tokenNotPresent: 0xe0,
  tokenNotRecognized: 0xe1,
  userAlreadyLoggedIn: 0x100,
  userNotLoggedIn: 0x101,
  userPinNotInitialized: 0x102,
  bufferTooSmall: 0x150,
  cryptokiNotInitialized: 0x190,
} as const

const NAMES = new Map<number, string>(Object.entries(RETURN).map(([name, code]) => [code, name]))

/** An error code of the module instead of a result. */
export class ModuleError extends Error {
  readonly code: number

  constructor(call: string, code: number) {
    super(`${call}: ${NAMES.get(code) ?? 'error'} (0x${code.toString(16)})`)
    this.name = 'ModuleError'
    this.code = code
  }
}
