"""The names that Web Bluetooth knows, and the numbers that Bluetooth has assigned to them. Pure data.

Source: the registries that Web Bluetooth refers to (WebBluetoothCG/registries, ``gatt_assigned_services.txt``,
``gatt_assigned_characteristics.txt``, ``gatt_assigned_descriptors.txt``), which are those of Bluetooth's Assigned Numbers at the
time. Browsers know these names and no later ones; what was assigned since is asked for by its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _numbered(*runs: tuple[int, str]) -> Mapping[str, int]:
    """Names in runs: those of a run have consecutive numbers from its first on; ``-`` is a number without a name."""
    return {
        name: first + position
        for first, names in runs
        for position, name in enumerate(names.split())
        if name != "-"
    }  # fmt: skip


SERVICES: Final = _numbered(
    (
        0x1800,
        """
        generic_access generic_attribute immediate_alert link_loss tx_power current_time reference_time_update next_dst_change
        glucose health_thermometer device_information - - heart_rate phone_alert_status battery_service
        """,
    ),
    (
        0x1810,
        """
        blood_pressure alert_notification human_interface_device scan_parameters running_speed_and_cadence automation_io
        cycling_speed_and_cadence - cycling_power location_and_navigation environmental_sensing body_composition user_data
        weight_scale bond_management continuous_glucose_monitoring
        """,
    ),
    (
        0x1820,
        """
        internet_protocol_support indoor_positioning pulse_oximeter http_proxy transport_discovery object_transfer
        fitness_machine mesh_provisioning mesh_proxy reconnection_configuration
        """,
    ),
)
"""Names of services: ``{"heart_rate": 0x180D, ...}``."""

CHARACTERISTICS: Final = _numbered(
    (
        0x2A00,
        """
        gap.device_name gap.appearance gap.peripheral_privacy_flag gap.reconnection_address
        gap.peripheral_preferred_connection_parameters gatt.service_changed alert_level tx_power_level
        date_time day_of_week day_date_time exact_time_100 exact_time_256 dst_offset time_zone local_time_information
        """,
    ),
    (
        0x2A10,
        """
        secondary_time_zone time_with_dst time_accuracy time_source reference_time_information time_broadcast
        time_update_control_point time_update_state glucose_measurement battery_level battery_power_state battery_level_state
        temperature_measurement temperature_type intermediate_temperature temperature_celsius
        """,
    ),
    (
        0x2A20,
        """
        temperature_fahrenheit measurement_interval boot_keyboard_input_report system_id model_number_string
        serial_number_string firmware_revision_string hardware_revision_string software_revision_string
        manufacturer_name_string ieee_11073-20601_regulatory_certification_data_list current_time magnetic_declination - -
        position_2d
        """,
    ),
    (
        0x2A30,
        """
        position_3d scan_refresh boot_keyboard_output_report boot_mouse_input_report glucose_measurement_context
        blood_pressure_measurement intermediate_cuff_pressure heart_rate_measurement body_sensor_location
        heart_rate_control_point removable service_required scientific_temperature_celsius string network_availability
        alert_status
        """,
    ),
    (
        0x2A40,
        """
        ringer_control_point ringer_setting alert_category_id_bit_mask alert_category_id alert_notification_control_point
        unread_alert_status new_alert supported_new_alert_category supported_unread_alert_category blood_pressure_feature
        hid_information report_map hid_control_point report protocol_mode scan_interval_window
        """,
    ),
    (
        0x2A50,
        """
        pnp_id glucose_feature record_access_control_point rsc_measurement rsc_feature sc_control_point digital digital_output
        analog analog_output aggregate csc_measurement csc_feature sensor_location plx_spot_check_measurement
        plx_continuous_measurement
        """,
    ),
    (
        0x2A60,
        """
        plx_features - pulse_oximetry_control_point cycling_power_measurement cycling_power_vector cycling_power_feature
        cycling_power_control_point location_and_speed navigation position_quality ln_feature ln_control_point elevation
        pressure temperature humidity
        """,
    ),
    (
        0x2A70,
        """
        true_wind_speed true_wind_direction apparent_wind_speed apparent_wind_direction gust_factor pollen_concentration
        uv_index irradiance rainfall wind_chill heat_index dew_point - descriptor_value_changed aerobic_heart_rate_lower_limit
        aerobic_threshold
        """,
    ),
    (
        0x2A80,
        """
        age anaerobic_heart_rate_lower_limit anaerobic_heart_rate_upper_limit anaerobic_threshold
        aerobic_heart_rate_upper_limit date_of_birth date_of_threshold_assessment email_address
        fat_burn_heart_rate_lower_limit fat_burn_heart_rate_upper_limit first_name five_zone_heart_rate_limits gender
        heart_rate_max height hip_circumference
        """,
    ),
    (
        0x2A90,
        """
        last_name maximum_recommended_heart_rate resting_heart_rate sport_type_for_aerobic_and_anaerobic_thresholds
        three_zone_heart_rate_limits two_zone_heart_rate_limit vo2_max waist_circumference weight database_change_increment
        user_index body_composition_feature body_composition_measurement weight_measurement weight_scale_feature
        user_control_point
        """,
    ),
    (
        0x2AA0,
        """
        magnetic_flux_density_2D magnetic_flux_density_3D language barometric_pressure_trend bond_management_control_point
        bond_management_feature gap.central_address_resolution_support cgm_measurement cgm_feature cgm_status
        cgm_session_start_time cgm_session_run_time cgm_specific_ops_control_point indoor_positioning_configuration latitude
        longitude
        """,
    ),
    (
        0x2AB0,
        """
        local_north_coordinate local_east_coordinate.xml floor_number altitude uncertainty location_name uri http_headers
        http_status_code http_entity_body http_control_point https_security tds_control_point ots_feature object_name
        object_type
        """,
    ),
    (
        0x2AC0,
        """
        object_size object_first_created object_last_modified object_id object_properties object_action_control_point
        object_list_control_point object_list_filter object_changed resolvable_private_address_only - - fitness_machine_feature
        treadmill_data cross_trainer_data step_climber_data
        """,
    ),
    (
        0x2AD0,
        """
        stair_climber_data rower_data indoor_bike_data training_status supported_speed_range supported_inclination_range
        supported_resistance_level_range supported_heart_rate_range supported_power_range fitness_machine_control_point
        fitness_machine_status
        """,
    ),
    (0x2AED, "date_utc"),
)
"""Names of characteristics. ``local_east_coordinate.xml`` is called so in the registry, and hence in browsers."""

DESCRIPTORS: Final = _numbered(
    (
        0x2900,
        """
        gatt.characteristic_extended_properties gatt.characteristic_user_description gatt.client_characteristic_configuration
        gatt.server_characteristic_configuration gatt.characteristic_presentation_format gatt.characteristic_aggregate_format
        valid_range external_report_reference report_reference number_of_digitals value_trigger_setting es_configuration
        es_measurement es_trigger_setting time_trigger_setting
        """,
    ),
)
"""Names of descriptors."""
