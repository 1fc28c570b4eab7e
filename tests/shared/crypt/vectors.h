/* Made by vectors.py: known answers for the formats of shared/crypt, as hex where not said otherwise. */
#define VECTOR_RING "7 active AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define VECTOR_WRAPPED                                                                                       \
	"0107000000404142434445464748494a4b4c4d4e4f5051525354555657f4182753f4c55f31a7ddad9583b14bbda28b9ff7" \
	"27"                                                                                                 \
	"6c65ad5208c77e35391daf4e60031ab9529a88873d5796622a3a4c"

#define VECTOR_PUBLIC "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"
#define VECTOR_BOX                                                                                           \
	"493e82fc74464a59268817623d2053c5eb8e2cc4a988b4fee179ec6b010d531d76e09082c12968eea1cd94c371a0989995" \
	"be"                                                                                                 \
	"88d95be1243e7eaf7e550db0ec6f991b357130a5f8041319012674f81913"
#define VECTOR_SYMMETRIC                                                                                     \
	"626f821218726205fae3d4d0cfc92b4e77aaf6d631b671a07dad42773317fb074a514f4261df990bd901a62e6c65386b"
#define VECTOR_SEALED_NAME                                                                                   \
	"404142434445464748494a4b4c4d4e4f50515253545556577911b7e3c73d55576569b75aefb86501a89e411924d5108b97"
#define VECTOR_NAME_HASH "948ca98b3db6f63749ead6311c96db63"
#define VECTOR_PASSWORD                                                                                      \
	"01030208000000101112131415161718191a1b1c1d1e1f404142434445464748494a4b4c4d4e4f5051525354555657e104" \
	"84"                                                                                                 \
	"bd1904b4f13b02f795e653f2024e62baa4ee3d227aa46620be8cb7f0aa10a6c399fcbf03e87f1f628c8d541399"

#define VECTOR_BODY_TEXT  "Subject: hi\r\n\r\nHello\r\n"
#define VECTOR_BODY       "9b6d8e018ed54d31baa33cafd942ac3a6d1e7ecea71f6360f2d913768266344a5d1b573fa5d8d1"
#define VECTOR_EMPTY_BODY "9bf2475b9d18a819064cdd754171c9f487"
#define VECTOR_SMALL                                                                                         \
	"404142434445464748494a4b4c4d4e4f5051525354555657b810f9c160fa29fa97601db748f29f435baa8478dcd2ce90a2" \
	"5e"                                                                                                 \
	"3dc16fde7d5f102945368a36fb"
#define VECTOR_SQUEEZED_BODY       "9a164e4c1990e6068683353c7a6b2825e49c1d2c217d7308f514f7"
#define VECTOR_NOISE_SEALED_SHA256 "a283c43ec7b10255c9eada13f1eba1aec300ef44c6c5445e3eb64883549ec911"
