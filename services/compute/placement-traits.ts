/** What flavors and images ask of a host's traits, in the names of os-traits. */

export interface TraitDemands {
  requiredTraits: string[]
  forbiddenTraits: string[]
}

/** Properties of an image, and extra specs of the same meaning, that stand for a trait. */
const meanings: readonly { property: string; value: RegExp; trait: string }[] = [
  {
    property: 'os_secure_boot',
    value: /^required$/i,
    trait: 'COMPUTE_SECURITY_UEFI_SECURE_BOOT',
  },
  { property: 'hw_tpm_version', value: /^2\.0$/, trait: 'COMPUTE_SECURITY_TPM_2_0' },
  { property: 'hw_tpm_version', value: /^1\.2$/, trait: 'COMPUTE_SECURITY_TPM_1_2' },
  { property: 'hw_mem_encryption', value: /^(true|yes|1)$/i, trait: 'HW_CPU_X86_AMD_SEV' },
]

const PREFIX = 'trait:'

/** What both ask for together; an extra spec `hw:tpm_version` says what a property `hw_tpm_version` says. */
export function traitsOf(
  extraSpecs: Readonly<Record<string, string>>,
  imageProperties: Readonly<Record<string, string>>,
): TraitDemands {
  const required = new Set<string>()
  const forbidden = new Set<string>()
  for (const [name, value] of [...Object.entries(extraSpecs), ...Object.entries(imageProperties)]) {
    if (name.startsWith(PREFIX)) {
      const trait = name.slice(PREFIX.length)
      if (value === 'required') required.add(trait)
      if (value === 'forbidden') forbidden.add(trait)
    }
    const property = name.replace(':', '_')
    for (const meaning of meanings) {
      if (meaning.property === property && meaning.value.test(value)) required.add(meaning.trait)
    }
  }
  return { requiredTraits: [...required].sort(), forbiddenTraits: [...forbidden].sort() }
}
