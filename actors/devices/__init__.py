"""HID, USB, serial and Bluetooth devices: what they say of themselves, who may see them, and which grant is for which."""
