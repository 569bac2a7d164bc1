package bootlog

import "fmt"

// EventType is TCG_EVENTTYPE. It is covered by no digest: whoever stores the log
// may rewrite it, so no fact may rest on a type alone.
type EventType uint32

// Event types (TCG PC Client Platform Firmware Profile 1.06, 10.4.1).
const (
	PrebootCert          EventType = 0x00000000
	PostCode             EventType = 0x00000001
	Unused               EventType = 0x00000002
	NoAction             EventType = 0x00000003
	Separator            EventType = 0x00000004
	Action               EventType = 0x00000005
	EventTag             EventType = 0x00000006
	SCRTMContents        EventType = 0x00000007
	SCRTMVersion         EventType = 0x00000008
	CPUMicrocode         EventType = 0x00000009
	PlatformConfigFlags  EventType = 0x0000000a
	TableOfDevices       EventType = 0x0000000b
	CompactHash          EventType = 0x0000000c
	IPL                  EventType = 0x0000000d
	IPLPartitionData     EventType = 0x0000000e
	NonhostCode          EventType = 0x0000000f
	NonhostConfig        EventType = 0x00000010
	NonhostInfo          EventType = 0x00000011
	OmitBootDeviceEvents EventType = 0x00000012
	PostCode2            EventType = 0x00000013

	EFIVariableDriverConfig    EventType = 0x80000001
	EFIVariableBoot            EventType = 0x80000002
	EFIBootServicesApplication EventType = 0x80000003
	EFIBootServicesDriver      EventType = 0x80000004
	EFIRuntimeServicesDriver   EventType = 0x80000005
	EFIGPTEvent                EventType = 0x80000006
	EFIAction                  EventType = 0x80000007
	EFIPlatformFirmwareBlob    EventType = 0x80000008
	EFIHandoffTables           EventType = 0x80000009
	EFIPlatformFirmwareBlob2   EventType = 0x8000000a
	EFIHandoffTables2          EventType = 0x8000000b
	EFIVariableBoot2           EventType = 0x8000000c
	EFIGPTEvent2               EventType = 0x8000000d
	EFIHCRTMEvent              EventType = 0x80000010
	EFIVariableAuthority       EventType = 0x800000e0
	EFISPDMFirmwareBlob        EventType = 0x800000e1
	EFISPDMFirmwareConfig      EventType = 0x800000e2
	EFISPDMDevicePolicy        EventType = 0x800000e3
	EFISPDMDeviceAuthority     EventType = 0x800000e4
)

// typeName lists the types of the profile. What is not here is a finding where firmware measures (registers 0 to 7).
func typeName(t EventType) string {
	names := [...]string{"EV_PREBOOT_CERT", "EV_POST_CODE", "EV_UNUSED", "EV_NO_ACTION", "EV_SEPARATOR", "EV_ACTION", "EV_EVENT_TAG",
		"EV_S_CRTM_CONTENTS", "EV_S_CRTM_VERSION", "EV_CPU_MICROCODE", "EV_PLATFORM_CONFIG_FLAGS", "EV_TABLE_OF_DEVICES", "EV_COMPACT_HASH",
		"EV_IPL", "EV_IPL_PARTITION_DATA", "EV_NONHOST_CODE", "EV_NONHOST_CONFIG", "EV_NONHOST_INFO", "EV_OMIT_BOOT_DEVICE_EVENTS", "EV_POST_CODE2"}
	efi := [...]string{"", "EV_EFI_VARIABLE_DRIVER_CONFIG", "EV_EFI_VARIABLE_BOOT", "EV_EFI_BOOT_SERVICES_APPLICATION", "EV_EFI_BOOT_SERVICES_DRIVER",
		"EV_EFI_RUNTIME_SERVICES_DRIVER", "EV_EFI_GPT_EVENT", "EV_EFI_ACTION", "EV_EFI_PLATFORM_FIRMWARE_BLOB", "EV_EFI_HANDOFF_TABLES",
		"EV_EFI_PLATFORM_FIRMWARE_BLOB2", "EV_EFI_HANDOFF_TABLES2", "EV_EFI_VARIABLE_BOOT2", "EV_EFI_GPT_EVENT2"}
	late := [...]string{"EV_EFI_VARIABLE_AUTHORITY", "EV_EFI_SPDM_FIRMWARE_BLOB", "EV_EFI_SPDM_FIRMWARE_CONFIG", "EV_EFI_SPDM_DEVICE_POLICY", "EV_EFI_SPDM_DEVICE_AUTHORITY"}
	const base = EventType(0x80000000)
	switch {
	case t < EventType(len(names)):
		return names[t]
	case t > base && t < base+EventType(len(efi)):
		return efi[t-base]
	case t == EFIHCRTMEvent:
		return "EV_EFI_HCRTM_EVENT"
	case t >= EFIVariableAuthority && t < EFIVariableAuthority+EventType(len(late)):
		return late[t-EFIVariableAuthority]
	}
	return ""
}

// Listed says whether the profile knows the type.
func (t EventType) Listed() bool { return typeName(t) != "" }

func (t EventType) String() string {
	if s := typeName(t); s != "" {
		return s
	}
	return fmt.Sprintf("0x%08x", uint32(t))
}
