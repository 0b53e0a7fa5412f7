"""The tables of a sound trial folder of the seed protocol."""

from __future__ import annotations

from collections.abc import Mapping

SEED = "IRCT20210612051548N3"

SOUND: Mapping[str, str] = {
    "participants": "participant_id,site_id,screened_on,age_years,sex,height_cm,weight_kg,note\n"
    "P-001,site_01,2022-02-01,44,female,160,60.5,\n"
    "P-002,site_01,2022-02-02,51.5,female,,,\n",
    "consents": "participant_id,form_version,language,signed_at,obtained_by\n"
    "P-001,1.0,fa,2022-02-01T09:00,NU-01\n"
    "P-002,1.0,fa,2022-02-02T09:00,NU-01\n",
    "batches": "batch_id,product_id,activity_MBq,reference_at,expires_at,released\n"
    "B-01,lu177_trastuzumab,5000,2022-03-01T08:00,2022-03-02T08:00,yes\n",
    "administrations": "participant_id,product_id,session,timepoint,batch_id,measured_activity_MBq,measured_at,"
    "residual_activity_MBq,residual_measured_at,injected_at,route\n"
    "P-001,lu177_trastuzumab,1,,B-01,1510,2022-03-01T09:00,10,2022-03-01T09:40,2022-03-01T09:30,intravenous\n",
    "laboratory": "participant_id,collected_at,test,value,unit,lower_limit,upper_limit\n"
    "P-001,2022-02-20T08:00,neutrophils,3500,cells/mm3,1500,8000\n"
    "P-001,2022-02-20T08:00,platelets,250,10^9/L,150,400\n"
    "P-001,2022-02-20T08:00,haemoglobin,12.4,g/dL,12,16\n",
    "eligibility": "participant_id,item,value,unit,assessed_on\n"
    "P-001,ecog,1,,2022-02-01\n"
    "P-001,pregnant,no,,2022-02-01\n",
}
